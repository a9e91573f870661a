import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from imgsim_assets.retrieval.average_precision import (
    average_precision,
    bootstrap_interval,
    mean_average_precision,
    relevance,
)


def naive(neighbours, query_label, gallery_labels, k):
    total = sum(label == query_label for label in gallery_labels) if query_label != -1 else 0
    if total == 0:
        return float("nan")
    hits, score = 0, 0.0
    for rank, row in enumerate(neighbours[:k], start=1):
        if row != -1 and gallery_labels[row] == query_label:
            hits += 1
            score += hits / rank
    return score / min(k, total)


def test_agrees_with_the_definition_on_many_random_cases():
    random = np.random.default_rng(3)
    for _ in range(2000):
        size, k, listed = (int(random.integers(1, limit)) for limit in (30, 15, 20))
        gallery = random.integers(-1, 4, size)
        queries = random.integers(-1, 6, 5)
        scores = np.round(random.random((5, size)), 1)  # one decimal: many ties
        lists = np.full((5, listed), -1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :listed]
        lists[:, : order.shape[1]] = order
        fast = average_precision(*relevance(lists, queries, gallery), k)
        slow = [naive(row, label, gallery, k) for row, label in zip(lists, queries, strict=True)]
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=40).filter(any))
def test_full_lists_agree_with_scikit_learn(hits):
    relevant = np.array([hits])
    ours = average_precision(relevant, relevant.sum(axis=1), k=len(hits))[0]
    assert ours == pytest.approx(average_precision_score(hits, -np.arange(len(hits))), abs=1e-12)


def test_known_values():
    relevant = np.array([[1, 0, 1, 0, 0, 0, 0, 0, 0, 0], [1] * 10, [0] * 10], dtype=bool)
    scores = average_precision(relevant, np.array([2, 40, 3]))
    np.testing.assert_allclose(scores, [(1 + 2 / 3) / 2, 1.0, 0.0])


def test_queries_without_relevant_photos_are_counted_apart():
    result = mean_average_precision(np.array([1.0, np.nan, 0.0, np.nan]))
    assert (result.value, result.queries, result.queries_without_relevant) == (0.5, 2, 2)
    nothing = mean_average_precision(np.array([np.nan]))
    assert np.isnan(nothing.value)
    assert nothing.queries == 0


def test_a_list_that_repeats_a_photo_is_refused():
    with pytest.raises(ValueError, match="repeats"):
        average_precision(np.array([[True, True]]), np.array([1]))


def test_neighbours_outside_the_gallery_are_refused():
    with pytest.raises(ValueError, match="rows of a gallery of 2"):
        relevance(np.array([[2]]), np.array([0]), np.array([0, 1]))


def test_interval_is_seeded_covers_the_mean_and_matches_the_normal_one():
    values = np.random.default_rng(0).random(500)
    low, high = bootstrap_interval(values, 4000, 1)
    assert (low, high) == bootstrap_interval(values, 4000, 1)
    assert (low, high) != bootstrap_interval(values, 4000, 2)
    half = 1.96 * values.std() / np.sqrt(500)
    np.testing.assert_allclose([low, high], [values.mean() - half, values.mean() + half], atol=0.004)


def test_a_list_is_judged_to_its_depth():
    relevant = np.array([[True, True, False], [True, False, False], [False, False, False]])
    found = average_precision(relevant, np.array([5, 5, 5]), 3, np.array([2, 1, 0]))
    np.testing.assert_array_equal(found, [1.0, 1.0, np.nan])


def test_each_value_is_drawn_as_often_as_any_other():
    """Of forty, one is not zero: in 2.5% of the means it was drawn three times, wherever it stands."""
    for place in (0, 17, 39):
        values = np.zeros(40)
        values[place] = 1.0
        assert bootstrap_interval(values, 4000, 3) == (0.0, 3 / 40)
