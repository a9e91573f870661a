import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from imgsim_assets.retrieval.glrt import class_means, class_statistics, fit_glrt
from imgsim_tests.budget import examples
from imgsim_tests.retrieval.synthetic import draw_photos


def test_the_space_has_identity_within_and_diagonal_between():
    vectors, classes = draw_photos(classes=30, photos=20)
    metric = fit_glrt(vectors, classes, 0.0)
    projected = metric.project(vectors)
    within = class_statistics(projected, classes).within
    np.testing.assert_allclose(within, np.eye(len(within)), atol=2e-3)
    means = class_means(projected, classes, 30)
    between = 20 * means.T @ means / 29
    np.testing.assert_allclose(between, np.diag(20 * metric.between + 1), atol=1e-6 * between.max())
    assert (np.diff(metric.between) <= 0).all()


def test_between_variance_is_unbiased():
    estimates = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        labels = np.repeat(np.arange(40), 3)
        vectors = random.normal(size=(40, 1))[labels] * 2.0 + random.normal(size=(120, 1))
        estimates.append(fit_glrt(vectors, labels, 0.0).between[0])
    assert np.mean(estimates) == pytest.approx(4.0, rel=0.1)


def test_directions_are_those_of_linear_discriminant_analysis():
    vectors, classes = draw_photos(classes=4, photos=30, width=6)
    ours = fit_glrt(vectors, classes, 0.0).project(vectors)
    theirs = LinearDiscriminantAnalysis(solver="svd").fit(vectors, classes).transform(vectors)
    for column in range(ours.shape[1]):
        correlation = np.corrcoef(ours[:, column], theirs[:, column])[0, 1]
        assert abs(correlation) == pytest.approx(1.0, abs=1e-4)


def test_rank_is_below_the_number_of_classes_also_with_fewer_photos_than_dimensions():
    vectors, classes = draw_photos(classes=5, photos=3, width=60)
    metric = fit_glrt(vectors, classes, 0.3)
    assert metric.projection.shape[1] <= 4
    assert np.isfinite(metric.project(vectors)).all()


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=examples(30))
def test_order_of_photos_and_names_of_classes_do_not_matter(seed, shrinkage):
    vectors, classes = draw_photos(seed=seed)
    order = np.random.default_rng(seed).permutation(len(classes))
    left, right = fit_glrt(vectors, classes, shrinkage), fit_glrt(vectors[order], 100 - classes[order], shrinkage)
    np.testing.assert_allclose(left.between, right.between, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(left.project(vectors), right.project(vectors), atol=1e-5)


def test_a_constant_dimension_carries_no_weight():
    vectors, classes = draw_photos()
    wider = np.column_stack([vectors, np.full(len(vectors), 7.0)])
    metric = fit_glrt(wider, classes, 0.2)
    np.testing.assert_allclose(metric.projection[-1], 0, atol=1e-12)
    assert np.isfinite(metric.project(wider)).all()


@pytest.mark.parametrize("classes", [np.zeros(20, dtype=int), np.arange(20)])
def test_one_class_or_single_photos_fall_back_to_euclidean_order(classes):
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    metric = fit_glrt(vectors, classes, 0.5)
    projected = metric.project(vectors)
    assert projected.shape[1] >= 1
    assert np.isfinite(projected).all()
    assert projected.std() > 0


def test_equal_photos_in_a_class_and_singletons_among_others_are_fine():
    vectors, classes = draw_photos(classes=4, photos=1)
    repeated, labels = np.repeat(vectors, 3, axis=0), np.repeat(classes, 3)
    projected = fit_glrt(repeated, labels, 0.5).project(repeated)
    assert np.isfinite(projected).all()
    mixed, mixed_labels = draw_photos()
    mixed_labels[0] = 99
    assert np.isfinite(fit_glrt(mixed, mixed_labels, 0.5).between).all()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_photos_that_do_not_differ_give_one_empty_direction(count):
    metric = fit_glrt(np.ones((count, 4)), np.arange(count) % 2, 0.5)
    assert metric.projection.shape == (4, 1)
    assert not metric.projection.any()


@pytest.mark.parametrize("vectors", [np.empty((0, 3)), np.full((2, 3), np.nan), np.ones((3, 2))])
def test_what_describes_no_photos_is_refused(vectors):
    with pytest.raises(ValueError, match="vectors"):
        fit_glrt(vectors, np.zeros(2, dtype=int), 0.5)


@pytest.mark.parametrize("shrinkage", [0.05, 0.9])
def test_working_in_the_span_of_few_photos_changes_nothing(monkeypatch, shrinkage):
    vectors, classes = draw_photos(classes=6, photos=5, width=70)
    unseen, _ = draw_photos(classes=6, photos=5, width=70, seed=1)
    spanned = fit_glrt(vectors, classes, shrinkage)
    assert class_statistics(vectors, classes).basis is not None
    monkeypatch.setattr("imgsim_assets.retrieval.glrt.SPAN_BELOW", 0)
    full = fit_glrt(vectors, classes, shrinkage)
    assert class_statistics(vectors, classes).basis is None
    np.testing.assert_allclose(spanned.between, full.between, rtol=1e-8)
    np.testing.assert_allclose(spanned.mean, full.mean, atol=1e-10)
    np.testing.assert_allclose(spanned.project(unseen), full.project(unseen), atol=1e-7)
