from dataclasses import replace

import numpy as np
import pytest

from imgsim_assets.retrieval.class_sets import class_posterior
from imgsim_assets.retrieval.logistic import fit_logistic
from imgsim_assets.retrieval.tuning import SHRINKAGES, WITHOUT_EVIDENCE, balanced_folds, closed_form, tune
from imgsim_tests.retrieval.synthetic import draw_photos


def test_isotropic_photos_are_shrunk_more_than_plentiful_anisotropic_ones():
    random = np.random.default_rng(0)
    few = np.repeat(np.arange(10), 4)
    isotropic = random.normal(size=(10, 80))[few] * 0.6 + random.normal(size=(40, 80))
    many = np.repeat(np.arange(10), 80)
    scales = np.geomspace(0.05, 5, 8)
    anisotropic = (random.normal(size=(10, 8))[many] * 0.3 + random.normal(size=(800, 8)) * 1.0) * scales
    chosen = [tune(*pair, "auto", logistic=False).shrinkage for pair in ((isotropic, few), (anisotropic, many))]
    assert chosen[0] > chosen[1]


@pytest.mark.parametrize("classes", [np.arange(12), np.zeros(12, dtype=int), np.arange(1), np.array([0, 1])])
def test_without_evidence_the_middle_is_taken_and_a_given_shrinkage_kept(classes):
    coordinates = np.random.default_rng(0).normal(size=(len(classes), 3))
    assert tune(coordinates, classes, "auto", logistic=True) == WITHOUT_EVIDENCE
    assert tune(coordinates, classes, 0.25, logistic=True) == replace(WITHOUT_EVIDENCE, shrinkage=0.25)


@pytest.mark.parametrize(("width", "photos"), [(32, 3), (64, 3), (64, 10)])
def test_without_evidence_nothing_is_as_sure_as_evidence_makes_it(width, photos):
    """Few photos in many dimensions promise most and keep least: their temperature is the highest."""
    vectors, classes = draw_photos(classes=10, photos=photos, spread=0.3, width=width)
    found = tune(vectors, classes, "auto", logistic=False).glrt
    assert 3.0 < found < WITHOUT_EVIDENCE.glrt


def test_a_given_shrinkage_is_kept_and_auto_is_one_of_the_grid():
    vectors, classes = draw_photos()
    assert tune(vectors, classes, 0.25, logistic=False).shrinkage == 0.25
    assert tune(vectors, classes, "auto", logistic=False).shrinkage in SHRINKAGES


def test_folds_spread_every_class():
    classes = np.array([3, 1, 1, 3, 1, 1, 3, 3])
    fold = balanced_folds(classes, 2)
    for number in (1, 3):
        assert np.bincount(fold[classes == number]).tolist() == [2, 2]


def test_a_class_of_one_photo_does_not_stand_in_the_way():
    vectors, classes = draw_photos(classes=6, photos=8)
    lonely = np.append(classes, 99)
    found = tune(np.vstack([vectors, vectors[:1] * -3]), lonely, "auto", logistic=True)
    assert all(np.isfinite([found.glrt, found.logistic, found.both]))


def test_the_temperatures_calibrate_photos_that_were_not_seen():
    vectors, classes = draw_photos(classes=10, photos=80, spread=0.25, width=20)
    seen = np.arange(len(classes)) % 2 == 0
    tuning = tune(vectors[seen], classes[seen], "auto", logistic=True)
    logits = fit_logistic(vectors[seen], classes[seen]).logits(vectors[~seen])
    for temperature, near in ((tuning.logistic, 0.08), (0.02, None)):
        posterior = class_posterior(logits, temperature)
        gap = posterior.max(axis=1).mean() - (posterior.argmax(axis=1) == classes[~seen]).mean()
        assert (abs(gap) < near) if near else (gap > 0.2)


def test_another_fit_than_the_closed_form_gets_a_temperature_of_its_own():
    vectors, classes = draw_photos(classes=10, photos=20, spread=0.5)
    plain = tune(vectors, classes, 0.3, logistic=False)

    def sharper(*photos):
        metric = closed_form(*photos)
        return type(metric)(metric.mean, metric.projection * 3.0, metric.between * 9.0, metric.shrinkage)

    other = tune(vectors, classes, 0.3, logistic=False, fit=sharper)
    assert other.shrinkage == plain.shrinkage
    assert other.glrt > 1.5 * plain.glrt
