from itertools import islice

import numpy as np
import pytest

from imgsim_assets.retrieval.glrt import class_statistics, fit_glrt, metric_from_statistics
from imgsim_assets.retrieval.pair_loss import pair_log_ratios
from imgsim_assets.retrieval.projection_training import restricted, train_projection
from imgsim_tests.retrieval.nuisance import draw_nuisance_photos
from imgsim_tests.retrieval.synthetic import draw_photos

FEW = {"classes": 6, "photos": 5, "width": 70}
MANY = {"classes": 6, "photos": 20, "width": 12}


@pytest.mark.parametrize("size", [FEW, MANY], ids=["few", "many"])
@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
def test_behind_the_closed_form_w_is_the_identity_and_nothing_changes(size, shrinkage):
    vectors, classes = draw_photos(**size)
    statistics, metric = class_statistics(vectors, classes), fit_glrt(vectors, classes, shrinkage)
    behind = restricted(statistics, shrinkage, metric.projection)
    np.testing.assert_allclose(behind.within, np.eye(len(behind.within)), atol=1e-6)
    again = metric_from_statistics(behind, 0.0)
    np.testing.assert_allclose(again.between, metric.between, rtol=1e-6)


def test_without_shrinkage_they_are_the_statistics_of_the_projected_photos():
    vectors, classes = draw_photos(**MANY)
    projection = np.random.default_rng(0).normal(size=(12, 4))
    ours = restricted(class_statistics(vectors, classes), 0.0, projection)
    theirs = class_statistics(vectors @ projection, classes)
    np.testing.assert_allclose(ours.within, theirs.within, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.means, theirs.means, atol=1e-10)
    np.testing.assert_allclose(ours.origin, theirs.origin, atol=1e-10)


def test_the_span_of_few_photos_changes_nothing(monkeypatch):
    vectors, classes = draw_photos(**FEW)
    projection = np.random.default_rng(0).normal(size=(70, 4))
    spanned = restricted(class_statistics(vectors, classes), 0.4, projection)
    monkeypatch.setattr("imgsim_assets.retrieval.glrt.SPAN_BELOW", 0)
    full = restricted(class_statistics(vectors, classes), 0.4, projection)
    np.testing.assert_allclose(spanned.within, full.within, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(spanned.means, full.means, atol=1e-10)


def test_only_the_subspace_matters():
    vectors, classes = draw_photos(**MANY)
    random = np.random.default_rng(0)
    statistics, projection = class_statistics(vectors, classes), random.normal(size=(12, 4))
    mixing = 2.0 * np.eye(4) + np.triu(random.normal(size=(4, 4)))
    left = metric_from_statistics(restricted(statistics, 0.4, projection), 0.0)
    right = metric_from_statistics(restricted(statistics, 0.4, projection @ mixing), 0.0)
    np.testing.assert_allclose(left.between, right.between, rtol=1e-6)
    np.testing.assert_allclose(
        np.abs(projection @ left.projection), np.abs(projection @ mixing @ right.projection), atol=1e-5
    )


@pytest.mark.slow
def test_training_begins_with_the_closed_form_and_its_loss_falls():
    vectors, classes, _, _ = draw_nuisance_photos(20)
    epochs = list(islice(train_projection(vectors, classes, 0.5, 0), 11))
    start, expected = epochs[0][0], fit_glrt(vectors, classes, 0.5)
    for name in ("mean", "projection", "between"):
        assert getattr(start, name).tobytes() == getattr(expected, name).tobytes()
    losses = [loss for _, loss in epochs]
    assert losses[10] < losses[5] < losses[0]


@pytest.mark.slow
def test_each_epochs_metric_has_identity_within_and_diagonal_between_under_the_shrunk_w():
    vectors, classes, _, _ = draw_nuisance_photos(20)
    statistics = class_statistics(vectors, classes)
    for metric, _ in islice(train_projection(vectors, classes, 0.5, 0), 4):
        behind = restricted(statistics, 0.5, metric.projection)
        np.testing.assert_allclose(behind.within, np.eye(len(behind.within)), atol=1e-6)
        scatter = behind.means.T * behind.counts @ behind.means / (len(behind.counts) - 1)
        np.testing.assert_allclose(scatter, np.diag(1.0 + 20 * metric.between), atol=1e-5 * scatter.max())


@pytest.mark.slow
def test_the_loss_takes_the_statistics_of_the_epoch_before(monkeypatch):
    vectors, classes, _, _ = draw_nuisance_photos(20)
    taken = []

    def noted(projected, between):
        taken.append(between.numpy())
        return pair_log_ratios(projected, between)

    monkeypatch.setattr("imgsim_assets.retrieval.projection_training.pair_log_ratios", noted)
    training = train_projection(vectors, classes, 0.5, 0)
    before, _ = next(training)
    for _ in range(3):
        taken.clear()
        after, _ = next(training)
        assert all(np.array_equal(one, before.between.astype(np.float32)) for one in taken)
        before = after


def test_without_steps_every_epoch_is_the_closed_form(monkeypatch):
    vectors, classes, _, _ = draw_nuisance_photos(20)
    monkeypatch.setattr("imgsim_assets.retrieval.projection_training.RATE", 0.0)
    (start, _), (later, _) = islice(train_projection(vectors, classes, 0.5, 0), 0, 4, 3)
    np.testing.assert_allclose(later.between, start.between, rtol=1e-5)
    np.testing.assert_allclose(later.projection, start.projection, atol=1e-5)


def test_without_a_direction_there_is_nothing_to_train():
    assert list(islice(train_projection(np.ones((8, 3)), np.arange(8) % 2, 0.5, 0), 3)) == []
