from dataclasses import replace

import numpy as np
import pytest

from imgsim_assets.retrieval.calibration import WITHOUT_EVIDENCE, Tuning
from imgsim_assets.retrieval.class_sets import class_posterior, log_loss
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.fine_tuned import NO_WEIGHT, columns_of
from imgsim_assets.retrieval.logistic import fit_logistic
from imgsim_assets.retrieval.tuning import SHRINKAGES, exams
from imgsim_assets.retrieval.tuning import tune as tune_on
from imgsim_tests.retrieval.heads import draw_recipe, draw_scores
from imgsim_tests.retrieval.nuisance import draw_nuisance_photos
from imgsim_tests.retrieval.synthetic import draw_photos


def tune(coordinates, classes, shrinkage, *, logistic):
    """Tune on fifths of photos that are no near-duplicates."""
    recipe = draw_recipe(evidence="fused" if logistic else "glrt", shrinkage=shrinkage)
    return tune_on(exams(Examples.apart(coordinates, classes)), recipe)


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


def asked_by(held, shrinkage, *, projection=False):
    """What all exams ask together, of photos of which each class is in each fold: ratios, logits, truth."""
    ratios = [one.fit.ratios(one.asked.coordinates, shrinkage, projection=projection) for one in held]
    logits = [one.fit.logits(one.asked.coordinates) for one in held]
    return np.concatenate(ratios), np.concatenate(logits), np.concatenate([one.asked.classes for one in held])


def assert_best(log_odds, truth):
    best = log_loss(log_odds, truth)
    assert all(best <= log_loss(log_odds / times, truth) for times in (0.7, 0.9, 1.1, 1.4))


@pytest.mark.parametrize("evidence", ["glrt", "logistic", "fused"])
def test_each_temperature_is_the_best_for_all_that_are_asked(evidence):
    vectors, classes = draw_photos(6, 15, spread=0.25)
    held = exams(Examples.apart(vectors, classes))
    found = tune_on(held, draw_recipe(evidence=evidence, shrinkage=0.3))
    ratios, logits, truth = asked_by(held, 0.3)
    assert found.shrinkage == 0.3
    assert_best(ratios / found.glrt, truth)
    if evidence != "glrt":
        assert_best(logits / found.logistic, truth)
        assert_best(found.fused(ratios, logits), truth)


def test_what_costs_more_is_calibrated_on_the_first_folds_alone():
    vectors, classes = draw_photos(6, 15, spread=0.25)
    held, recipe = exams(Examples.apart(vectors, classes)), draw_recipe(shrinkage=0.3)
    found, of_all = tune_on(held, recipe, 2), tune_on(held, recipe)
    assert found.glrt == of_all.glrt  # comes in closed form, and is asked of all
    _, logits, truth = asked_by(held[:2], 0.3)
    assert_best(logits / found.logistic, truth)
    assert found.logistic != of_all.logistic


def test_a_learned_projection_gets_a_temperature_of_its_own():
    coordinates, classes, _, _ = draw_nuisance_photos(30)
    held = exams(Examples.apart(coordinates, classes))
    plain, learned = (tune_on(held, draw_recipe(evidence="glrt", shrinkage=0.5, projection=on)) for on in (False, True))
    ratios, _, truth = asked_by(held, 0.5, projection=True)
    assert_best(ratios / learned.glrt, truth)
    assert learned.glrt != pytest.approx(plain.glrt, rel=0.02)


def test_fine_tuned_networks_are_weighed_by_the_classes_of_what_is_asked():
    vectors, classes = draw_photos(6, 15, spread=0.25)
    knowing, noise = (draw_scores(classes, 6, sharpness) for sharpness in (2.0, 0.0))
    recipe = draw_recipe(fine_tuned=("tuned",), shrinkage=0.3)
    held = exams(Examples.apart(vectors, classes, knowing))
    found = tune_on(held, recipe)
    ratios, logits, truth = asked_by(held, 0.3)
    said = columns_of(np.concatenate([one.asked.class_scores for one in held]), np.unique(classes))
    alone = found.fused(ratios, logits)
    assert found.fine_tuned.weight > 0.1
    assert log_loss(found.fine_tuned.pooled(alone, said), truth) < log_loss(alone, truth)
    deaf = tune_on(exams(Examples.apart(vectors, classes, noise)), recipe)
    assert deaf.fine_tuned.weight < 0.1
    assert replace(deaf, fine_tuned=NO_WEIGHT) == replace(found, fine_tuned=NO_WEIGHT)


def test_near_duplicates_do_not_make_it_sure_of_itself():
    """Each photo is there five times, and of its class there is little more to see: a leak would be certain."""
    vectors, classes = draw_photos(8, 6, spread=0.3)
    many, of_class = np.repeat(vectors, 5, axis=0), np.repeat(classes, 5)
    groups = np.repeat(np.arange(len(classes)), 5)
    recipe = draw_recipe(evidence="glrt", shrinkage=0.3)
    honest, leaking = (
        tune_on(exams(Examples(many, of_class, one)), recipe) for one in (groups, np.arange(len(groups)))
    )
    assert honest.glrt > 1.5 * leaking.glrt


def test_without_exams_nothing_is_tuned_but_a_given_shrinkage_holds():
    assert tune_on([], draw_recipe()) == WITHOUT_EVIDENCE
    assert tune_on([], draw_recipe(shrinkage=0.2)) == Tuning(0.2, WITHOUT_EVIDENCE.glrt, 1.0, 1.0)
