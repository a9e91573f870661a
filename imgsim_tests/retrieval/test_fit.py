"""What is learned without a fold is what would be learned of the other photos alone."""

from dataclasses import replace

import numpy as np
import pytest

from imgsim_assets.retrieval.calibration import Tuning
from imgsim_assets.retrieval.class_sets import query_features
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.fit import Fit
from imgsim_assets.retrieval.projection import learn_projection
from imgsim_assets.retrieval.tuning import fit_head
from imgsim_tests.retrieval.heads import draw_pool, draw_recipe
from imgsim_tests.retrieval.synthetic import draw_photos

VECTORS, CLASSES = draw_photos(6, 10)
POOL = draw_pool(VECTORS, CLASSES)
LEARNED = np.arange(len(CLASSES)) % 5 != 3
TUNING = Tuning(shrinkage=0.3, glrt=2.0, logistic=3.0, both=1.5)


@pytest.mark.parametrize("evidence", ["glrt", "fused"])
def test_a_head_is_that_of_the_photos_that_are_learned_from(evidence):
    recipe, fit = draw_recipe(evidence=evidence), Fit(POOL.examples, LEARNED)
    expected = fit_head(POOL.axes, POOL.examples.only(LEARNED), recipe, TUNING)
    photos = POOL.coordinates[~LEARNED]
    np.testing.assert_allclose(fit.head(POOL.axes, recipe, TUNING).log_odds(photos), expected.log_odds(photos))
    ratios = query_features(expected.metric.project(photos), expected.metric.between) @ expected.sets.T
    np.testing.assert_allclose(fit.ratios(photos, TUNING.shrinkage, projection=False), ratios)
    if expected.logistic is not None:
        np.testing.assert_allclose(fit.logits(photos), expected.logistic.logits(photos))


def test_labels_of_the_others_make_no_difference():
    shuffled = np.where(LEARNED, CLASSES, np.random.default_rng(0).permutation(CLASSES))
    one, other = (Fit(replace(POOL.examples, classes=classes), LEARNED) for classes in (CLASSES, shuffled))
    photos = POOL.coordinates[~LEARNED]
    np.testing.assert_array_equal(
        one.ratios(photos, 0.3, projection=False), other.ratios(photos, 0.3, projection=False)
    )
    np.testing.assert_array_equal(one.logits(photos), other.logits(photos))


def test_the_projection_is_learned_from_them_once_for_each_shrinkage():
    fit = Fit(POOL.examples, LEARNED)
    expected = learn_projection(POOL.examples.only(LEARNED), 0.3)
    assert fit.projection(0.3).metric.projection.tobytes() == expected.metric.projection.tobytes()
    assert fit.projection(0.3) is fit.projection(0.3)
    assert fit.projection(0.3) is not fit.projection(0.5)


def test_of_one_class_logits_tell_nothing():
    photos = Examples.apart(VECTORS, np.zeros(len(VECTORS), dtype=int))
    np.testing.assert_array_equal(Fit(photos, LEARNED).logits(VECTORS[:4]), np.zeros((4, 1)))
