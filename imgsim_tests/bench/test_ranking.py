import numpy as np
import pytest

from imgsim_assets.retrieval.descriptors import normalise
from imgsim_bench.ranking import Problem, compare_rankings
from imgsim_bench.rivals import LOSSES, WITH_PROXIES, train_head
from imgsim_tests.retrieval.heads import draw_pool


def draw_problem() -> Problem:
    """Loud directions that mean nothing hide the classes from cosine."""
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(8), 20)
    telling = random.normal(size=(8, 12))[truth] + random.normal(size=(160, 12)) * 0.5
    vectors = normalise(np.hstack([random.normal(size=(160, 4)) * 6.0, telling])).astype(np.float32)
    is_train = np.arange(160) % 4 != 0
    return Problem(vectors, draw_pool(vectors, np.where(is_train, truth, -1), is_train), truth)


@pytest.fixture(scope="module")
def table():
    return compare_rankings(draw_problem(), budget=1000.0, seed=0, most_rounds=5)


@pytest.mark.slow
def test_every_way_is_judged_beside_cosine(table):
    names = set(table["ranking"])
    assert {*LOSSES, *(f"{name}, by class" for name in WITH_PROXIES)} <= names
    assert {"cosine", "LDA, then cosine", "logistic regression", "imgsim: GLRT set"} <= names
    assert table["map_at_10"].is_sorted(descending=True)
    by_name = {row["ranking"]: row for row in table.iter_rows(named=True)}
    for row in by_name.values():
        assert row["low"] <= row["map_at_10"] <= row["high"]
        assert row["gain"] == pytest.approx(row["map_at_10"] - by_name["cosine"]["map_at_10"])
    assert by_name["cosine"]["gain"] == 0


@pytest.mark.slow
def test_what_learns_finds_the_classes_that_cosine_does_not(table):
    by_name = dict(table.select("ranking", "gain").iter_rows())
    for name in (
        "LDA, then cosine",
        "logistic regression",
        "imgsim: GLRT set",
        "imgsim: GLRT pair",
        "ArcFace, by class",
    ):
        assert by_name[name] > 0.1, name


@pytest.mark.parametrize("name", LOSSES)
def test_a_head_is_the_same_for_the_same_seed(name):
    problem = draw_problem()
    rows = problem.known
    photos = problem.pool.coordinates[rows], problem.pool.classes[rows]
    first, second = (train_head(name, *photos, budget=1000.0, seed=3, most_rounds=2) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert (first.proxies is None) == (name not in WITH_PROXIES)
    if first.proxies is not None:
        np.testing.assert_array_equal(first.proxies, second.proxies)
        assert first.class_scores(photos[0], 8).shape == (len(rows), 8)


def test_few_labels_are_drawn_evenly():
    few = draw_problem().with_few_labels(3, 0)
    assert np.bincount(few.pool.classes[few.known]).tolist() == [3] * 8
    assert (few.pool.classes[few.known] == few.truth[few.known]).all()
