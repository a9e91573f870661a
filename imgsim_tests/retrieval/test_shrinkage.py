import numpy as np
import pytest

from imgsim_assets.retrieval.shrinkage import SHRINKAGES, WITHOUT_EVIDENCE, balanced_folds, choose_shrinkage, fit_metric
from imgsim_tests.retrieval.synthetic import draw_photos


def test_isotropic_photos_are_shrunk_more_than_plentiful_anisotropic_ones():
    random = np.random.default_rng(0)
    few = np.repeat(np.arange(10), 4)
    isotropic = random.normal(size=(10, 80))[few] * 0.6 + random.normal(size=(40, 80))
    many = np.repeat(np.arange(10), 80)
    scales = np.geomspace(0.05, 5, 8)
    anisotropic = (random.normal(size=(10, 8))[many] * 0.3 + random.normal(size=(800, 8)) * 1.0) * scales
    assert choose_shrinkage(isotropic, few) > choose_shrinkage(anisotropic, many)


@pytest.mark.parametrize("classes", [np.arange(12), np.arange(1)])
def test_without_evidence_the_middle_is_taken(classes):
    assert choose_shrinkage(np.random.default_rng(0).normal(size=(len(classes), 3)), classes) == WITHOUT_EVIDENCE


def test_a_given_shrinkage_is_kept_and_auto_is_one_of_the_grid():
    vectors, classes = draw_photos()
    assert fit_metric(vectors, classes, 0.25).shrinkage == 0.25
    assert fit_metric(vectors, classes).shrinkage in SHRINKAGES


def test_folds_spread_every_class():
    classes = np.array([3, 1, 1, 3, 1, 1, 3, 3])
    fold = balanced_folds(classes, 2)
    for number in (1, 3):
        assert np.bincount(fold[classes == number]).tolist() == [2, 2]
