"""What is learned without a fold is what would be learned of the other photos alone."""

import numpy as np
import pytest

from imgsim_assets.retrieval.class_sets import log_loss, query_features
from imgsim_assets.retrieval.cross_validation import deal_folds
from imgsim_assets.retrieval.fold_fit import FoldFit, tune_on
from imgsim_assets.retrieval.metric_head import fit_head
from imgsim_assets.retrieval.tuning import WITHOUT_EVIDENCE, Tuning
from imgsim_tests.retrieval.heads import draw_pool, draw_recipe
from imgsim_tests.retrieval.synthetic import draw_photos

VECTORS, CLASSES = draw_photos(6, 10)
POOL = draw_pool(VECTORS, CLASSES)
FOLDS = deal_folds(CLASSES, np.arange(len(CLASSES)), 5, 0)
TUNING = Tuning(shrinkage=0.3, glrt=2.0, logistic=3.0, both=1.5)


def fit_of(number: int, **chosen) -> FoldFit:
    return FoldFit(POOL, FOLDS, number, draw_recipe(**chosen), 0.9)


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("evidence", ["glrt", "fused"])
def test_a_fold_s_head_is_that_of_the_other_photos(number, evidence):
    recipe, asked = draw_recipe(evidence=evidence), FOLDS.asked(number)
    fit, others = fit_of(number, evidence=evidence), np.setdiff1d(np.arange(len(CLASSES)), asked)
    np.testing.assert_array_equal(fit.asked, asked)
    np.testing.assert_array_equal(fit.truth, CLASSES[asked])
    expected = fit_head(POOL.axes, POOL.coordinates[others], CLASSES[others], recipe, TUNING)
    photos = POOL.coordinates[asked]
    np.testing.assert_allclose(fit.head(recipe, TUNING).log_odds(photos), expected.log_odds(photos))
    ratios = query_features(expected.metric.project(photos), expected.metric.between) @ expected.sets.T
    np.testing.assert_allclose(fit.ratios(TUNING.shrinkage, projection=False), ratios)
    if expected.logistic is not None:
        np.testing.assert_allclose(fit.logits(), expected.logistic.logits(photos))


def test_the_temperature_is_the_best_for_the_photos_of_all_folds():
    recipe = draw_recipe(evidence="glrt", shrinkage=0.3)
    fits = [fit_of(number, evidence="glrt", shrinkage=0.3) for number in range(5)]
    tuning = tune_on(fits, recipe)
    ratios = np.concatenate([fit.ratios(0.3, projection=False) for fit in fits])
    truth = np.searchsorted(np.unique(CLASSES), np.concatenate([fit.truth for fit in fits]))
    assert tuning.shrinkage == 0.3
    best = log_loss(ratios / tuning.glrt, truth)
    assert all(best <= log_loss(ratios / (tuning.glrt * times), truth) for times in (0.7, 0.9, 1.1, 1.4))


def test_without_evidence_nothing_is_tuned_but_a_given_shrinkage_holds():
    assert tune_on([], draw_recipe()) == WITHOUT_EVIDENCE
    assert tune_on([], draw_recipe(shrinkage=0.2)).shrinkage == 0.2
