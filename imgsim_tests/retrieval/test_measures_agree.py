"""AP@10, precision@1 and recall@10 against three implementations that share no code with them.

One in plain Python, one over arrays that sums pairs of hits, and scikit-learn. Each starts from scores, not from lists.
"""

from functools import cache
from math import nan
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_score, recall_score

from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.measures import precision_at_1, recall_at_k

K = 10
CASES = 4000
QUERIES = 3
BY_LIBRARY = 400
SMALL_GALLERIES = 1500
TOLERANCE = 1e-12


class Case(NamedTuple):
    """Scores [q, n], how many photos each list names [q], labels of queries [q] and gallery [n]; -1 is none."""

    scores: np.ndarray
    lengths: np.ndarray
    queries: np.ndarray
    gallery: np.ndarray


@cache
def cases():
    random = np.random.default_rng(10)
    return [draw_case(random) for _ in range(CASES)]


def draw_case(random):
    size, classes = int(random.integers(1, 45)), int(random.integers(1, 6))
    gallery = random.integers(-1, classes, size)
    queries = random.integers(-1, classes + 1, QUERIES)
    scores = np.round(random.random((QUERIES, size)), int(random.integers(1, 4)))  # one decimal: many ties
    short = random.random(QUERIES) < 0.4
    return Case(scores, np.where(short, random.integers(0, 13, QUERIES), size).clip(max=size), queries, gallery)


def ours(case):
    """Give AP@10, precision@1 and recall@10: float64 [3, q]."""
    lists = np.full((QUERIES, max(case.gallery.size, K)), -1)
    lists[:, : case.gallery.size] = np.argsort(-case.scores, axis=1, kind="stable")
    lists[np.arange(lists.shape[1]) >= case.lengths[:, None]] = -1
    relevant, counts = relevance(lists, case.queries, case.gallery)
    measures = (
        average_precision(relevant, counts, K),
        precision_at_1(relevant, counts),
        recall_at_k(relevant, counts, K),
    )
    return np.array(measures)


def by_loops(scores, length, query, gallery):
    relevant = {row for row, label in enumerate(gallery) if label == query != -1}
    if not relevant:
        return nan, nan, nan
    ranking = sorted(range(len(gallery)), key=lambda row: (-scores[row], row))[:length]
    found, precisions = 0, 0.0
    for rank, row in enumerate(ranking, start=1):
        if rank <= K and row in relevant:
            found += 1
            precisions += found / rank
    first = 1.0 if ranking and ranking[0] in relevant else 0.0
    return precisions / min(K, len(relevant)), first, found / len(relevant)


def by_pairs(case):
    """Every hit at rank i adds 1 / i for itself and each hit before it: a quadratic form in the hits."""
    size = case.gallery.size
    same = (case.queries[:, None] == case.gallery) & (case.queries[:, None] >= 0)
    ahead = case.scores[:, None, :] > case.scores[:, :, None]
    ahead |= (case.scores[:, None, :] == case.scores[:, :, None]) & np.tri(size, k=-1, dtype=bool)
    places = ahead.sum(axis=2)
    hits = np.zeros((QUERIES, max(size, K)))
    query, photo = np.nonzero(same & (places < case.lengths[:, None]))
    hits[query, places[query, photo]] = 1.0
    weights = np.tri(K) / np.arange(1, K + 1)[:, None]
    relevant = np.where(same.any(axis=1), same.sum(axis=1), nan)
    best = np.einsum("qi,ij,qj->q", hits[:, :K], weights, hits[:, :K])
    return np.array([best / np.minimum(relevant, K), hits[:, 0] + 0 * relevant, hits[:, :K].sum(axis=1) / relevant])


def by_library(scores, length, query, gallery):
    """Scikit-learn knows no list that ends: what it says of the listed photos is scaled to what could be found."""
    relevant = (gallery == query) & (query != -1)
    if not relevant.any():
        return nan, nan, nan
    ranking = np.lexsort((np.arange(len(gallery)), -scores))[:length]
    top, first = np.isin(np.arange(len(gallery)), ranking[:K]), np.isin(np.arange(len(gallery)), ranking[:1])
    hits = relevant[ranking[:K]]
    listed = average_precision_score(hits, -np.arange(len(hits))) * hits.sum() if hits.any() else 0.0
    recall = recall_score(relevant, top, zero_division=0)
    return listed / min(K, relevant.sum()), precision_score(relevant, first, zero_division=0), recall


def test_cases_hold_what_they_should():
    unlabelled = sum((case.gallery == -1).any() for case in cases())
    ties = sum(len(np.unique(row)) < len(row) for case in cases() for row in case.scores)
    short = sum((case.lengths < min(K, case.gallery.size)).any() for case in cases())
    empty = sum((case.lengths == 0).any() for case in cases())
    counts = np.concatenate([relevance(np.zeros((3, 0), int), case.queries, case.gallery)[1] for case in cases()])
    without_label = sum((case.queries == -1).any() for case in cases())
    unknown = sum(~np.isin(query, case.gallery) for case in cases() for query in case.queries)
    assert min(unlabelled, ties, short, empty, without_label, unknown) > 200
    assert (counts == 0).sum() > 1000
    assert (counts > K).sum() > 1000
    assert ((counts > 0) & (counts <= K)).sum() > 1000


def test_plain_loops_agree():
    for case in cases():
        slow = [by_loops(*one, case.gallery) for one in zip(*case[:3], strict=True)]
        np.testing.assert_allclose(ours(case), np.transpose(slow), rtol=0, atol=TOLERANCE)


def test_sums_over_pairs_of_hits_agree():
    for case in cases():
        np.testing.assert_allclose(ours(case), by_pairs(case), rtol=0, atol=TOLERANCE)


@pytest.mark.slow
def test_scikit_learn_agrees():
    for case in cases()[:BY_LIBRARY]:
        theirs = [by_library(*one, case.gallery) for one in zip(*case[:3], strict=True)]
        np.testing.assert_allclose(ours(case), np.transpose(theirs), rtol=0, atol=TOLERANCE)


@pytest.mark.slow
def test_where_the_list_is_the_gallery_it_is_the_average_precision_of_scikit_learn():
    random = np.random.default_rng(11)
    scored = 0
    for _ in range(SMALL_GALLERIES):
        size = int(random.integers(1, K + 1))
        gallery, queries = random.integers(-1, 3, size), random.integers(0, 3, QUERIES)
        scores = np.array([random.permutation(size) for _ in range(QUERIES)]) / size
        found = ours(Case(scores, np.full(QUERIES, size), queries, gallery))[0]
        for row, query, value in zip(scores, queries, found, strict=True):
            if (gallery == query).any():
                scored += 1
                assert value == pytest.approx(average_precision_score(gallery == query, row), rel=0, abs=TOLERANCE)
            else:
                assert np.isnan(value)
    assert scored > SMALL_GALLERIES
