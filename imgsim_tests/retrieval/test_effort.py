"""What effort buys, and what nothing beats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.retrieval.ann.exact import ExactIndex, exact_neighbours
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.effort import effort_curves, fastest, pareto_front
from imgsim_assets.settings import Annoy, Faiss
from imgsim_tests.retrieval.ann.vectors import built, served_vectors

GALLERY, QUERIES, _ = served_vectors(classes=60, photos=20, queries=80)
SPEED_AND_RECALL = st.lists(st.tuples(st.sampled_from([0.5, 0.9, 1.0]), st.integers(1, 4)), min_size=1, max_size=12)


@pytest.mark.parametrize("settings", [Faiss(kind="hnsw"), Faiss(kind="ivf"), Faiss(kind="ivf_pq"), Annoy()], ids=str)
def test_the_effort_that_is_set_changes_nothing_and_the_least_finds_less(settings):
    index = built(settings, GALLERY)
    index = index.asked_with(index.most_effort // 2, index.overfetch)
    whole = index.candidates(QUERIES, 50)
    np.testing.assert_array_equal(index.asked_with(index.effort, index.overfetch).candidates(QUERIES, 50), whole)
    best, _ = exact_neighbours(GALLERY, QUERIES, 50)

    def found(ids):
        return (best[:, :, None] == ids[:, None, :]).any(axis=2).mean()

    least = index.asked_with(1, index.overfetch)
    assert least.effort == 1
    assert found(least.candidates(QUERIES, 50)) < found(whole)
    np.testing.assert_array_equal(index.candidates(QUERIES, 50), whole)  # asking otherwise left it as it was


@pytest.mark.parametrize("index", [ExactIndex(GALLERY), built(Faiss(kind="flat"), GALLERY)], ids=["exact", "flat"])
def test_what_looks_at_everything_has_no_effort(index):
    assert index.effort is None
    ids = search(index.asked_with(3, 2), GALLERY, QUERIES, 10).ids
    np.testing.assert_array_equal(ids, exact_neighbours(GALLERY, QUERIES, 10)[0])


def test_a_curve_has_one_point_for_each_effort_and_the_set_one_is_marked():
    annoy = built(Annoy(trees=5), GALLERY).asked_with(100, 5)
    curves = effort_curves({"faiss": built(Faiss(kind="flat"), GALLERY), "annoy": annoy}, GALLERY, QUERIES)
    flat, trees = (curves.filter(library=name) for name in ("faiss", "annoy"))
    assert flat.select("effort", "is_set", "recall_at_10").rows() == [(None, True, 1.0)]
    assert curves.filter(recall_at_10=1.0)["on_front"].any()
    assert trees["effort"].to_list() == [50, 100, 200, 400, 800]
    assert trees.filter("is_set")["effort"].to_list() == [100]
    assert trees["recall_at_10"].is_between(0.9, 1.0).all()  # a list that falls short is completed by exact search


def test_the_fastest_that_reaches_a_recall():
    curves = effort_curves({"annoy": built(Annoy(trees=5), GALLERY).asked_with(100, 5)}, GALLERY, QUERIES)
    reached = curves["recall_at_10"].max()
    best = fastest(curves, reached)
    assert best["recall_at_10"].to_list() == [reached]
    assert fastest(curves, 1.1).is_empty()
    assert fastest(curves, 0.0)["queries_per_second"].to_list() == [curves["queries_per_second"].max()]


@given(SPEED_AND_RECALL)
def test_the_front_is_what_no_other_beats(points):
    recall, speed = (np.array(values, dtype=np.float64) for values in zip(*points, strict=True))
    front = pareto_front(recall, speed)
    for here, (r, s) in enumerate(points):
        beaten = any(a >= r and b >= s and (a > r or b > s) for a, b in points)
        assert front[here] == (not beaten)
    assert front.any()
