from math import fsum, isnan, nan

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from imgsim_assets.retrieval.measures import calibration, per_class_average_precision, precision_at_1, recall_at_k

CONFIDENCES = st.one_of(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.floats(0, 1))
FORECASTS = st.lists(st.tuples(CONFIDENCES, st.booleans()), min_size=1, max_size=60)


@st.composite
def ranked_lists(draw):
    listed, queries = draw(st.integers(0, 15)), draw(st.integers(0, 6))
    rows = [draw(st.lists(st.booleans(), min_size=listed, max_size=listed)) for _ in range(queries)]
    counts = [sum(row) + draw(st.integers(0, 20)) for row in rows]
    return np.array(rows, dtype=bool).reshape(queries, listed), np.array(counts, dtype=np.int64)


def naive_recall(row, count, k):
    found = 0
    for hit in list(row)[:k]:
        if hit:
            found += 1
    return found / count if count else nan


def naive_bins(forecasts, bins):
    """Which queries share a bin: each goes where the mean rank of its equals falls."""
    members = {}
    for confidence, correct in forecasts:
        below = sum(other < confidence for other, _ in forecasts)
        equal = sum(other == confidence for other, _ in forecasts)
        number = (2 * below + equal) * bins // (2 * len(forecasts))
        members.setdefault(number, []).append((confidence, correct))
    return [members[number] for number in sorted(members)]


def split(forecasts):
    confidence, correct = zip(*forecasts, strict=True)
    return np.array(confidence, dtype=np.float64), np.array(correct, dtype=bool)


@given(ranked_lists(), st.integers(1, 12))
def test_precision_and_recall_are_those_of_loops(lists, k):
    relevant, counts = lists
    first = [float(any(row[:1])) if count else nan for row, count in zip(relevant, counts, strict=True)]
    share = [naive_recall(row, count, k) for row, count in zip(relevant, counts, strict=True)]
    np.testing.assert_array_equal(precision_at_1(relevant, counts), first)
    np.testing.assert_allclose(recall_at_k(relevant, counts, k), share, rtol=0, atol=1e-15)
    assert precision_at_1(relevant, counts).dtype == recall_at_k(relevant, counts, k).dtype == np.float64


def test_known_precision_and_recall():
    relevant = np.array([[1, 0, 1] + [0] * 9, [0] + [1] * 11, [0] * 12, [1] * 12], dtype=bool)
    counts = np.array([4, 11, 0, 40])
    np.testing.assert_array_equal(precision_at_1(relevant, counts), [1, 0, nan, 1])
    np.testing.assert_allclose(recall_at_k(relevant, counts), [0.5, 9 / 11, nan, 10 / 40])
    np.testing.assert_allclose(recall_at_k(relevant, counts, k=2), [0.25, 1 / 11, nan, 2 / 40])


def test_a_list_without_photos_finds_nothing():
    relevant, counts = np.zeros((2, 0), dtype=bool), np.array([3, 0])
    np.testing.assert_array_equal(precision_at_1(relevant, counts), [0, nan])
    np.testing.assert_array_equal(recall_at_k(relevant, counts), [0, nan])


@pytest.mark.parametrize("measure", [precision_at_1, recall_at_k])
def test_lists_that_contradict_their_counts_are_refused(measure):
    with pytest.raises(ValueError, match="repeats"):
        measure(np.array([[True]]), np.array([0]))
    with pytest.raises(ValueError, match="expected 1 relevant counts, one for each query; found 3"):
        measure(np.array([[True]]), np.array([1, 1, 1]))


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.7, 1.0, nan]), st.sampled_from("abcd")), max_size=30))
def test_classes_are_averaged_as_by_a_loop_in_any_order(queries):
    by_label = {}
    for score, label in queries:
        if not isnan(score):
            by_label.setdefault(label, []).append(score)
    expected = sorted((fsum(scores) / len(scores), label, len(scores)) for label, scores in by_label.items())
    table = per_class_average_precision(np.array([score for score, _ in queries]), [label for _, label in queries])
    values = table["map_at_10"].to_list()
    np.testing.assert_allclose(values, [value for value, _, _ in expected], rtol=0, atol=1e-12)
    assert values == sorted(values)
    assert {row[:2] for row in table.iter_rows()} == {(label, count) for _, label, count in expected}
    turned = queries[::-1]
    again = per_class_average_precision(np.array([score for score, _ in turned]), [label for _, label in turned])
    assert again.equals(table)


def test_the_worst_class_comes_first_and_equal_ones_by_label():
    scores = np.array([1.0, 0.5, nan, 0.5, 0.25, nan, 0.75])
    table = per_class_average_precision(scores, ["owl", "fox", "fox", "bee", "cat", "elk", "cat"])
    assert table.rows() == [("bee", 1, 0.5), ("cat", 2, 0.5), ("fox", 1, 0.5), ("owl", 1, 1.0)]


def test_order_of_queries_changes_no_bit_of_a_class_average():
    random = np.random.default_rng(0)
    scores, labels = random.random(20_000), random.choice(["bee", "cat", "elk"], 20_000)
    table = per_class_average_precision(scores, labels.tolist())
    for _ in range(10):
        order = random.permutation(20_000)
        assert per_class_average_precision(scores[order], labels[order].tolist()).equals(table)


def test_without_scores_there_is_an_empty_table_of_the_same_columns():
    columns = {"label": pl.String, "queries": pl.Int64, "map_at_10": pl.Float64}
    assert per_class_average_precision(np.array([nan]), ["elk"]).schema == columns
    assert per_class_average_precision(np.zeros(0), []).rows() == []
    assert per_class_average_precision(np.ones(1), ["elk"]).schema == columns


def test_labels_of_another_length_are_refused():
    with pytest.raises(ValueError, match="expected 2 labels, one for each query; found 1"):
        per_class_average_precision(np.ones(2), ["elk"])


@given(FORECASTS, st.integers(1, 12))
def test_calibration_is_that_of_loops(forecasts, bins):
    found = calibration(*split(forecasts), bins)
    groups = naive_bins(forecasts, bins)
    confidence = [fsum(one for one, _ in group) / len(group) for group in groups]
    accuracy = [sum(correct for _, correct in group) / len(group) for group in groups]
    error = 0.0
    for group, given_share, true_share in zip(groups, confidence, accuracy, strict=True):
        error += len(group) / len(forecasts) * abs(given_share - true_share)
    assert found.counts.tolist() == [len(group) for group in groups]
    np.testing.assert_allclose(found.confidence, confidence, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.accuracy, accuracy, rtol=0, atol=1e-12)
    assert found.expected_error == pytest.approx(error, abs=1e-12)
    assert found.brier == pytest.approx(fsum((one - hit) ** 2 for one, hit in forecasts) / len(forecasts), abs=1e-12)


@given(FORECASTS, st.integers(1, 12), st.randoms(use_true_random=False))
def test_order_of_queries_does_not_matter_at_all(forecasts, bins, random):
    mixed = list(forecasts)
    random.shuffle(mixed)
    left, right = calibration(*split(forecasts), bins), calibration(*split(mixed), bins)
    assert (left.expected_error, left.brier) == (right.expected_error, right.brier)
    for name in ("confidence", "accuracy", "counts"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


@given(st.integers(1, 80), st.integers(1, 12))
def test_bins_without_ties_differ_by_one_query_at_most(queries, bins):
    found = calibration(np.arange(queries) / queries, np.zeros(queries, dtype=bool), bins)
    assert len(found.counts) == min(bins, queries)
    assert np.ptp(found.counts) <= 1
    assert found.counts.sum() == queries


def test_known_bins():
    confidence, correct = np.array([0.9, 0.2, 0.6, 0.4]), np.array([True, False, False, True])
    found = calibration(confidence, correct, bins=2)
    assert found.counts.tolist() == [2, 2]
    np.testing.assert_allclose(found.confidence, [0.3, 0.75])
    np.testing.assert_allclose(found.accuracy, [0.5, 0.5])
    assert found.expected_error == pytest.approx((0.2 + 0.25) / 2)
    assert found.brier == pytest.approx((0.01 + 0.04 + 0.36 + 0.36) / 4)
    assert found.brier == pytest.approx(brier_score_loss(correct, confidence))


def test_ties_share_a_bin_though_it_grows():
    found = calibration(np.array([0.5, 0.1, 0.5, 0.5, 0.5]), np.array([1, 0, 1, 0, 0], dtype=bool), bins=5)
    assert found.counts.tolist() == [1, 4]
    np.testing.assert_allclose(found.accuracy, [0.0, 0.5])
    assert found.expected_error == pytest.approx(0.1 / 5)


def test_perfect_calibration_has_no_error_and_the_brier_score_of_its_spread():
    confidence = np.repeat([0.0, 0.25, 0.5, 0.75, 1.0], 20)
    correct = np.concatenate([np.arange(20) < share * 20 for share in (0.0, 0.25, 0.5, 0.75, 1.0)])
    found = calibration(confidence, correct, bins=5)
    assert found.expected_error == 0
    assert found.counts.tolist() == [20] * 5
    assert found.brier == pytest.approx((0.25 * 0.75 * 2 + 0.25) / 5)


def test_drawn_forecasts_are_close_to_calibrated_and_sharpened_ones_are_not():
    random = np.random.default_rng(0)
    confidence = random.random(20_000)
    correct = random.random(20_000) < confidence
    assert calibration(confidence, correct).expected_error < 0.02
    assert calibration((confidence > 0.5).astype(np.float64), correct).expected_error == pytest.approx(0.25, abs=0.01)


def test_certain_and_always_wrong_is_the_worst_and_always_right_the_best():
    worst, best = calibration(np.ones(30), np.zeros(30, dtype=bool)), calibration(np.ones(30), np.ones(30, dtype=bool))
    assert (worst.expected_error, worst.brier) == (1.0, 1.0)
    assert (best.expected_error, best.brier) == (0.0, 0.0)


def test_without_queries_there_is_nothing_to_say():
    found = calibration(np.zeros(0), np.zeros(0, dtype=bool))
    assert np.isnan([found.expected_error, found.brier]).all()
    assert len(found.confidence) == len(found.accuracy) == len(found.counts) == 0


@pytest.mark.parametrize("confidence", [-0.1, 1.5, nan, np.inf])
def test_what_is_no_probability_is_refused(confidence):
    with pytest.raises(ValueError, match=rf"expected confidences in 0\.\.1, found {confidence}"):
        calibration(np.array([0.5, confidence]), np.array([True, True]))


def test_other_lengths_and_no_bins_are_refused():
    with pytest.raises(ValueError, match="expected 2 correct, one for each query; found 3"):
        calibration(np.ones(2), np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match="expected at least 1 bin, found 0"):
        calibration(np.ones(2), np.ones(2, dtype=bool), bins=0)
