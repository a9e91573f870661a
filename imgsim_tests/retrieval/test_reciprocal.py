"""Re-ranked candidates, beside the sets and sums that the paper defines."""

from fractions import Fraction
from math import exp, fsum, inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.reciprocal import rerank
from imgsim_tests.budget import examples
from imgsim_tests.retrieval.arcs import draw_arcs, mean_precision, ranked


def plain_cosines(members):
    units = [[value / sqrt(fsum(x * x for x in member)) for value in member] for member in members]
    return [[fsum(a * b for a, b in zip(one, other, strict=True)) for other in units] for one in units]


def whole_number_cosines(members):
    """Cosines of coordinates that are whole multiples of 2^-26, so that equal ones are equal to the last bit."""
    units = []
    for member in members:
        length = sqrt(sum(value * value for value in member)) or 1.0
        units.append([round(value / length * 2**26) for value in member])
    return [[sum(a * b for a, b in zip(one, other, strict=True)) / 2**52 for other in units] for one in units]


def naive_distances(cosines, k1, k2, share):
    """Distances of member 0 to all others, by the paper's sets."""
    members = range(len(cosines))

    def walk(p):
        return [p, *sorted((g for g in members if g != p), key=lambda g: (-cosines[p][g], g))]

    def reciprocal(p, k):
        return {g for g in walk(p)[: k + 1] if p in walk(g)[: k + 1]}

    def expanded(p):
        grown = set(reciprocal(p, k1))
        for g in reciprocal(p, k1):
            half = reciprocal(g, round(k1 / 2))
            if len(half & reciprocal(p, k1)) >= Fraction(2, 3) * len(half):
                grown |= half
        return grown

    def encoding(p):
        weights = {g: exp(-(1 - cosines[p][g])) if g != p else 1.0 for g in expanded(p)}
        total = fsum(weights.values())
        return {g: weight / total for g, weight in weights.items()}

    encodings = [encoding(p) for p in members]

    def mean(p):
        near = walk(p)[:k2]
        return [fsum(encodings[g].get(column, 0.0) for g in near) / len(near) for column in members]

    query, distances = mean(0), []
    for g in members[1:]:
        pairs = list(zip(query, mean(g), strict=True))
        jaccard = 1 - fsum(min(pair) for pair in pairs) / fsum(max(pair) for pair in pairs)
        distances.append(share * (1 - cosines[0][g]) + (1 - share) * jaccard)
    return distances


def assert_agrees(found, vectors, queries, candidates, k, cosines_of, atol, **numbers):
    """Distances are those of the loops, in rising order up to `atol`; where they tie, product and row decide."""
    ids, scores = found
    assert ids.shape == scores.shape == (len(queries), k)
    assert (ids.dtype, scores.dtype) == (np.int64, np.float64)
    for query, line, listed, values in zip(queries.tolist(), candidates, ids.tolist(), scores.tolist(), strict=True):
        rows = sorted(int(row) for row in line if row != -1)
        kept = min(k, len(rows))
        members = [query] + [vectors[row].tolist() for row in rows]
        distance = dict(zip(rows, naive_distances(cosines_of(members), **numbers), strict=True))
        product = {row: fsum(a * b for a, b in zip(query, vectors[row].tolist(), strict=True)) for row in rows}
        assert len(set(listed[:kept])) == kept
        np.testing.assert_allclose([distance[row] for row in listed[:kept]], sorted(distance.values())[:k], atol=atol)
        np.testing.assert_allclose(values[:kept], [-distance[row] for row in listed[:kept]], atol=atol)
        order = [(-value, -product[row], row) for row, value in zip(listed[:kept], values[:kept], strict=True)]
        assert order == sorted(order)
        assert listed[kept:] == [-1] * (k - kept)
        assert values[kept:] == [-inf] * (k - kept)


def draw_candidates(random, size, queries, listed):
    """Draw lists in any order, some of them short and with gaps."""
    lines = np.full((queries, listed), -1)
    for line in lines:
        rows = random.permutation(size)[: random.integers(0, listed + 1)]
        line[random.permutation(listed)[: len(rows)]] = rows
    return lines


@given(
    st.integers(0, 10_000),
    st.integers(1, 30),
    st.integers(1, 12),
    st.integers(1, 10),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.3, 1.0]),
)
@settings(max_examples=examples(150))
def test_agrees_with_the_papers_sets_also_with_copies_and_ties(seed, size, listed, k1, k2, share):
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, size=(size, 3)).astype(np.float32)
    queries = random.integers(-2, 3, size=(3, 3)).astype(np.float32)
    candidates = draw_candidates(random, size, 3, listed)
    k, numbers = int(random.integers(1, 15)), {"k1": k1, "k2": k2, "share": share}
    found = rerank(vectors, queries, candidates, k, **numbers)
    assert_agrees(found, vectors, queries, candidates, k, whole_number_cosines, 1e-7, **numbers)


@pytest.mark.parametrize(("seed", "k1", "k2"), [(0, 20, 6), (1, 7, 3), (2, 5, 1), (3, 1, 1), (4, 4, 9), (5, 40, 40)])
def test_agrees_with_the_papers_sets_without_any_rounding(seed, k1, k2):
    random = np.random.default_rng(seed)
    vectors = (random.normal(size=(60, 6)) * random.uniform(0.1, 10, (60, 1))).astype(np.float32)
    queries, candidates = vectors[:3] + np.float32(0.2), draw_candidates(random, 60, 3, 25)
    found = rerank(vectors, queries, candidates, 25, k1=k1, k2=k2)
    assert_agrees(found, vectors, queries, candidates, 25, plain_cosines, 1e-6, k1=k1, k2=k2, share=0.3)


def test_known_distances():
    """The candidates are each other's nearest; the query, whose nearest is row 0, is nobody's."""
    vectors = np.array([[0.6, 0.8], [0.28, 0.96]], dtype=np.float32)
    ids, scores = rerank(vectors, np.array([[1.0, 0.0]], dtype=np.float32), np.array([[1, 0]]), 2, k1=1, k2=2)
    nearest = exp(0.936 - 1)  # weight of each candidate in the other's set; the query is alone in its own
    query, candidate = (1.0, 1 / (1 + nearest), nearest / (1 + nearest)), (0.0, 1.0, 1.0)
    jaccard = 1 - sum(map(min, query, candidate)) / sum(map(max, query, candidate))
    assert ids.tolist() == [[0, 1]]
    np.testing.assert_allclose(scores, [[-(0.3 * distance + 0.7 * jaccard) for distance in (0.4, 0.72)]], atol=1e-7)


def test_with_the_whole_share_the_order_is_that_of_cosine():
    gallery, queries, _, _ = draw_arcs(0)
    expected = ranked(gallery, queries, 50)
    shuffled = np.random.default_rng(0).permuted(expected, axis=1)
    ids, scores = rerank(gallery, queries, shuffled, 50, share=1.0)
    np.testing.assert_array_equal(ids, expected)
    cosines = np.take_along_axis(queries.astype(np.float64) @ gallery.T, ids, axis=1)
    np.testing.assert_allclose(scores, cosines - 1, atol=1e-6)


def test_order_of_queries_candidates_and_gallery_and_the_rest_of_it_change_no_bit():
    gallery, queries, _, _ = draw_arcs(1)
    candidates = ranked(gallery, queries, 40)
    ids, scores = rerank(gallery, queries, candidates, 20)
    random = np.random.default_rng(0)
    order, places = random.permutation(len(queries)), random.permutation(len(gallery) + 500)[: len(gallery)]
    larger = random.normal(size=(len(gallery) + 500, gallery.shape[1])).astype(np.float32)
    larger[places] = gallery
    gaps = np.concatenate([places[candidates], np.full((len(queries), 3), -1)], axis=1)
    again = rerank(larger, queries[order], random.permuted(gaps, axis=1)[order], 20)
    np.testing.assert_array_equal(again[0], places[ids[order]])
    np.testing.assert_array_equal(again[1], scores[order])


def test_copies_tie_to_the_last_bit_and_come_in_the_order_of_their_rows():
    random = np.random.default_rng(0)
    once = random.normal(size=(23, 37)).astype(np.float32)
    vectors, queries = np.concatenate([once, once]), random.normal(size=(20, 37)).astype(np.float32)
    candidates = np.tile(random.permutation(46), (20, 1))
    ids, scores = rerank(vectors, queries, candidates, 46, k1=46)
    np.testing.assert_array_equal(scores[:, ::2], scores[:, 1::2])
    np.testing.assert_array_equal(ids[:, ::2] + 23, ids[:, 1::2])


def test_of_two_of_one_direction_the_longer_comes_first():
    vectors = np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 1.0]], dtype=np.float32)
    ids, scores = rerank(vectors, np.array([[1.0, 0.5]], dtype=np.float32), np.array([[0, 1, 2]]), 3)
    assert ids.tolist() == [[1, 0, 2]]
    assert scores[0, 0] == scores[0, 1]


def test_a_copy_of_the_query_comes_first():
    vectors = normalise(np.random.default_rng(0).normal(size=(80, 8))).astype(np.float32)
    ids, scores = rerank(vectors, vectors, np.tile(np.arange(80), (80, 1)), 5)
    np.testing.assert_array_equal(ids[:, 0], np.arange(80))
    np.testing.assert_allclose(scores[:, 0], 0, atol=1e-6)
    assert (scores <= 0).all()
    assert (np.diff(scores, axis=1) <= 0).all()


def test_a_list_of_one_and_of_none():
    vectors, queries = np.eye(3, dtype=np.float32), np.ones((2, 3), dtype=np.float32)
    ids, scores = rerank(vectors, queries, np.array([[-1, 2], [-1, -1]]), 3)
    assert ids.tolist() == [[2, -1, -1], [-1, -1, -1]]
    assert scores[0, 0] == pytest.approx(-0.3 * (1 - sqrt(1 / 3)), abs=1e-7)  # both have the set of both
    assert (scores.ravel()[1:] == -inf).all()
    none = np.full((2, 4), -1)
    for nothing in (rerank(vectors, queries, none[:, :0], 2), rerank(vectors[:0], queries, none, 2)):
        assert (nothing[0] == -1).all()
    assert rerank(vectors, queries[:0], np.zeros((0, 5), dtype=np.int64), 4)[0].shape == (0, 4)
    assert rerank(vectors, queries, np.array([[0, 1], [1, 2]]), 0)[0].shape == (2, 0)


def test_zeros_are_ranked_like_anything_at_right_angles():
    vectors = np.array([[0, 0], [1, 0], [0, 0], [1, 1]], dtype=np.float32)
    ids, scores = rerank(
        vectors, np.array([[1, 0], [0, 0]], dtype=np.float32), np.tile(np.arange(4), (2, 1)), 4, share=1
    )
    assert ids.tolist() == [[1, 3, 0, 2], [0, 1, 2, 3]]
    assert scores[1].tolist() == [-1.0] * 4
    assert np.isfinite(rerank(vectors, vectors, np.tile(np.arange(4), (4, 1)), 4)[1]).all()


@pytest.mark.parametrize("seed", range(3))
def test_photos_of_two_classes_side_by_side_are_found_better(seed):
    gallery, queries, classes, wanted = draw_arcs(seed)
    plain = mean_precision(ranked(gallery, queries), wanted, classes)
    ids, _ = rerank(gallery, queries, ranked(gallery, queries, 100), 20)
    assert mean_precision(ids, wanted, classes) > plain + 0.06


@pytest.mark.parametrize("candidates", [[[3]], [[-2]]])
def test_what_is_no_row_is_refused(candidates):
    with pytest.raises(ValueError, match="rows of 3 vectors"):
        rerank(np.eye(3, dtype=np.float32), np.ones((1, 3), dtype=np.float32), np.array(candidates), 1)


@pytest.mark.parametrize("numbers", [{"k1": 0}, {"k2": 0}, {"share": -0.1}, {"share": 1.1}, {"share": nan}])
def test_impossible_numbers_are_refused(numbers):
    with pytest.raises(ValueError, match=r"expected (k1 and k2 of at least 1|a share in 0\.\.1), found"):
        rerank(np.eye(3, dtype=np.float32), np.ones((1, 3), dtype=np.float32), np.array([[0]]), 1, **numbers)


def test_candidates_of_other_queries_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        rerank(np.eye(3, dtype=np.float32), np.ones((2, 3), dtype=np.float32), np.array([[0]]), 1)
