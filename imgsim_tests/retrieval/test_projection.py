from itertools import islice

import numpy as np
import pytest
import torch

from imgsim_assets.retrieval.class_sets import ClassMeans
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.glrt import class_statistics, fit_glrt, metric_from_statistics
from imgsim_assets.retrieval.projection import learn_projection
from imgsim_assets.retrieval.projection_training import restricted, train_projection
from imgsim_assets.threads import single_thread
from imgsim_tests.retrieval.nuisance import draw_nuisance_photos
from imgsim_tests.retrieval.synthetic import draw_photos

SHRUNK_TOO_FAR = 0.5
WELL_SHRUNK = 0.05


def bytes_of(metric):
    return metric.mean.tobytes(), metric.projection.tobytes(), metric.between.tobytes(), metric.shrinkage


def closed_form(coordinates, classes, shrinkage):
    with single_thread():
        return fit_glrt(coordinates, classes, shrinkage)


def accuracy(metric, known, classes, fresh, truth):
    means = ClassMeans.of(known, classes)
    return (means.numbers[means.log_ratios(metric, fresh).argmax(axis=1)] == truth).mean()


@pytest.fixture(scope="module")
def photos():
    return draw_nuisance_photos(30)


@pytest.fixture(scope="module")
def learned(photos):
    return learn_projection(Examples.apart(photos[0], photos[1]), SHRUNK_TOO_FAR)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("seed", range(3))
def test_it_tells_fresh_photos_better_where_w_is_shrunk_too_far(seed):
    coordinates, classes, fresh, truth = draw_nuisance_photos(30, seed=seed)
    found = learn_projection(Examples.apart(coordinates, classes), SHRUNK_TOO_FAR)
    before = accuracy(closed_form(coordinates, classes, SHRUNK_TOO_FAR), coordinates, classes, fresh, truth)
    assert found.kept_epoch > 0
    assert accuracy(found.metric, coordinates, classes, fresh, truth) > before + 0.05


def test_the_loss_falls_and_the_kept_epoch_is_the_best_of_the_curve(learned):
    assert [point.epoch for point in learned.curve] == list(range(len(learned.curve)))
    assert learned.curve[-1].loss < learned.curve[1].loss < learned.curve[0].loss
    held_out = [point.held_out for point in learned.curve]
    assert held_out[learned.kept_epoch] == max(held_out)


@pytest.mark.parametrize("seed", range(4))
def test_where_the_model_holds_the_closed_form_stays_byte_by_byte(seed):
    coordinates, classes, _, _ = draw_nuisance_photos(30, seed=seed)
    found = learn_projection(Examples.apart(coordinates, classes), WELL_SHRUNK, seed=seed)
    assert found.kept_epoch == 0
    assert len(found.curve) > 1
    assert bytes_of(found.metric) == bytes_of(closed_form(coordinates, classes, WELL_SHRUNK))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_kept_is_never_worse_on_the_held_out_photos(seed):
    random = np.random.default_rng(seed)
    coordinates, classes = draw_photos(classes=12, photos=10, width=20, spread=0.4, seed=seed)
    coordinates += random.standard_t(2, size=coordinates.shape) * random.uniform(0.1, 1.0, size=20)
    found = learn_projection(Examples.apart(coordinates, classes), 0.7)
    assert found.curve[found.kept_epoch].held_out >= found.curve[0].held_out


def test_the_kept_metric_is_learned_from_all_photos_for_as_many_epochs(photos):
    coordinates, classes, _, _ = photos
    found = learn_projection(Examples.apart(coordinates, classes), SHRUNK_TOO_FAR, epochs=3)
    assert (len(found.curve), found.kept_epoch) == (4, 3)
    threads = torch.get_num_threads()
    with single_thread():
        torch.set_num_threads(1)
        expected, _ = list(islice(train_projection(coordinates, classes, SHRUNK_TOO_FAR, 0), 4))[3]
    torch.set_num_threads(threads)
    assert bytes_of(found.metric) == bytes_of(expected)


def test_training_stops_when_held_out_photos_gain_no_more_and_chance_is_no_gain(monkeypatch):
    coordinates, classes, _, _ = draw_nuisance_photos(30)
    noise = np.random.default_rng(0).normal(size=60)
    noise -= noise.mean()

    def evidence(*_):
        return next(gains) + noise * next(spread)

    for wide, chosen in ((1.0, 0), (0.1, 2)):
        gains, spread = iter([0.0, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]), iter([0.0, *[wide] * 7])
        monkeypatch.setattr("imgsim_assets.retrieval.projection._evidence", evidence)
        found = learn_projection(Examples.apart(coordinates, classes), WELL_SHRUNK)
        assert (len(found.curve), found.kept_epoch) == (7, chosen)


def test_the_metric_is_the_projection_and_the_statistics_behind_it(photos, learned):
    coordinates, classes, fresh, _ = photos
    statistics = class_statistics(coordinates, classes)
    inner = metric_from_statistics(restricted(statistics, SHRUNK_TOO_FAR, learned.metric.projection), 0.0)
    by_hand = inner.project(fresh @ learned.metric.projection)
    np.testing.assert_allclose(np.abs(learned.metric.project(fresh)), np.abs(by_hand), atol=1e-6)
    np.testing.assert_allclose(learned.metric.between, inner.between, rtol=1e-6)
    assert learned.metric.shrinkage == SHRUNK_TOO_FAR


def test_equal_seeds_give_equal_bytes_and_others_do_not(photos, learned):
    state = torch.random.get_rng_state()
    again, other = (learn_projection(Examples.apart(*photos[:2]), SHRUNK_TOO_FAR, seed=seed) for seed in (0, 1))
    assert bytes_of(again.metric) == bytes_of(learned.metric)
    assert again.curve == learned.curve
    assert bytes_of(other.metric) != bytes_of(learned.metric)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_number_of_threads_changes_nothing_and_is_left_as_it_was(photos, learned, threads, count):
    torch.set_num_threads(count)
    found = learn_projection(Examples.apart(*photos[:2]), SHRUNK_TOO_FAR)
    assert torch.get_num_threads() == count
    assert bytes_of(found.metric) == bytes_of(learned.metric)
    with single_thread():
        learn_projection(Examples.apart(*photos[:2]), SHRUNK_TOO_FAR, epochs=1)
    assert torch.get_num_threads() == count


def test_scale_and_place_of_the_coordinates_do_not_matter(photos, learned):
    found = learn_projection(Examples.apart(photos[0] * 1e-4 + 3.0, photos[1]), SHRUNK_TOO_FAR)
    np.testing.assert_allclose(found.metric.between, learned.metric.between, rtol=1e-2)


VARIED = np.random.default_rng(0).normal(size=(60, 4))


@pytest.mark.parametrize(
    ("coordinates", "classes"),
    [
        (VARIED, np.zeros(60, dtype=int)),
        (VARIED, np.arange(60)),
        (VARIED, np.minimum(np.arange(60), 30)),
        (VARIED[:20], np.arange(20) % 2),
        (VARIED[:1], np.zeros(1, dtype=int)),
        (np.ones((60, 4)), np.arange(60) % 3),
        (np.tile([[1.0], [-1.0]], (30, 4)), np.repeat(np.arange(3), 20)),
    ],
    ids=[
        "one class",
        "one photo a class",
        "one class of many",
        "few to ask",
        "one photo",
        "equal photos",
        "no between",
    ],
)
def test_with_nothing_to_learn_from_the_closed_form_is_given(coordinates, classes):
    found = learn_projection(Examples.apart(coordinates, classes), 0.5)
    assert (found.curve, found.kept_epoch) == ((), 0)
    assert bytes_of(found.metric) == bytes_of(closed_form(coordinates, classes, 0.5))


@pytest.mark.parametrize("shrinkage", [0.0, 1.0])
def test_hard_but_possible_photos_give_finite_numbers(shrinkage):
    coordinates, classes = draw_photos(classes=12, photos=6, width=200)
    coordinates[:, 5] = 7.0
    repeated, labels = np.repeat(coordinates, 2, axis=0), np.repeat(classes, 2)
    labels[0] = 99
    found = learn_projection(Examples.apart(repeated, labels), shrinkage)
    assert len(found.curve) > 1
    assert np.isfinite(found.metric.project(coordinates)).all()
    assert np.isfinite([(point.loss, point.held_out) for point in found.curve]).all()


@pytest.mark.parametrize("coordinates", [np.empty((0, 3)), np.full((2, 3), np.nan), np.ones((3, 2))])
def test_what_describes_no_photos_is_refused(coordinates):
    with pytest.raises(ValueError, match="vectors"):
        learn_projection(Examples.apart(coordinates, np.zeros(2, dtype=int)), 0.5)
