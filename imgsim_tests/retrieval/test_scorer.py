"""The scores by which the ladder is climbed are those of heads that have not seen what is asked."""

from dataclasses import replace

import numpy as np
import pytest

from imgsim_assets.retrieval import scorer as module
from imgsim_assets.retrieval.cross_validation import score_fold
from imgsim_assets.retrieval.folds import Folds, deal_folds
from imgsim_assets.retrieval.label_codec import UNKNOWN
from imgsim_assets.retrieval.learning_set import Pool
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.scorer import Scorer
from imgsim_assets.retrieval.tuning import fit_head
from imgsim_tests.retrieval.heads import draw_pool, draw_recipe
from imgsim_tests.retrieval.nuisance import draw_nuisance_photos
from imgsim_tests.retrieval.synthetic import draw_photos

VECTORS, CLASSES = draw_photos(6, 10, spread=0.3)
RECIPE = draw_recipe(shrinkage=0.3)
COSINE = draw_recipe(evidence="likeness", likeness="cosine")


def deal(classes) -> Folds:
    folds = deal_folds(classes, np.arange(len(classes)), 5, 0)
    assert isinstance(folds, Folds)
    return folds


def score_by(pool: Pool, **rest) -> Scorer:
    return Scorer(lambda recipe: pool, deal(pool.classes), rest.pop("confidence", 0.6))


@pytest.mark.parametrize("recipe", [RECIPE, COSINE, draw_recipe(evidence="glrt", shrinkage=0.3)])
def test_a_fold_is_scored_by_the_head_of_the_others_whatever_is_asked_with_it(recipe: Recipe):
    pool = draw_pool(VECTORS, CLASSES)
    score, folds = score_by(pool), deal(CLASSES)
    tries = [(recipe, 3), (COSINE, 0), (recipe, 1)]
    found = score(tries)
    assert [len(one) for one in found] == [len(folds.asked(fold)) for _, fold in tries]
    for (tried, fold), scores in zip(tries, found, strict=True):
        others = np.setdiff1d(np.arange(len(CLASSES)), folds.asked(fold))
        head = fit_head(pool.axes, pool.examples.only(others), tried, score._tuning_of(tried))
        np.testing.assert_array_equal(scores, score_fold(pool, folds, fold, head))


def test_labels_of_the_fold_teach_nothing():
    """Hidden labels that were learned from would be found again: of shuffled ones nothing can be."""
    shuffled = np.random.default_rng(0).permutation(CLASSES)
    of_fold = score_by(draw_pool(VECTORS, shuffled))([(RECIPE, fold) for fold in range(5)])
    assert np.nanmean(np.concatenate(of_fold)) < 0.35


def test_guesses_are_learned_from_where_the_recipe_asks_for_them_and_they_are_sure():
    vectors, truth = draw_photos(6, 20, spread=1.0)
    some = np.where(np.arange(len(truth)) % 20 < 6, truth, UNKNOWN)
    pool, guessing = draw_pool(vectors, some), RECIPE.with_(pseudo_labels=True)
    learned = {}
    for confidence in (0.0, 1.1):
        score = score_by(pool, confidence=confidence)
        score([(guessing, 0), (RECIPE, 0)])
        for recipe in (guessing, RECIPE):
            fit = score._fit(module._shared_part(recipe), 0)
            learned[confidence, recipe.pseudo_labels] = fit._means.counts.sum()
    assert learned[0.0, True] > learned[0.0, False] == learned[1.1, False] == learned[1.1, True]


def test_a_fold_is_learned_from_once_for_all_recipes_that_see_the_photos_alike(monkeypatch):
    fitted, fit = [], module.Fit
    monkeypatch.setattr(module, "Fit", lambda *given: fitted.append(given) or fit(*given))
    score = score_by(draw_pool(VECTORS, CLASSES))
    for evidence in ("glrt", "logistic", "fused"):
        score([(draw_recipe(evidence=evidence, shrinkage=0.3), fold) for fold in range(5)])
    assert len(fitted) == 5
    score([(draw_recipe(dimensions=4, shrinkage=0.3), 0)])
    assert len(fitted) > 5


@pytest.mark.parametrize(("tuned_on", "folds"), [(1, 1), (12, 1), (13, 2), (60, 5), (500, 5)])
def test_numbers_are_tuned_on_as_many_folds_as_ask_enough(monkeypatch, tuned_on: int, folds: int):
    monkeypatch.setattr(module, "TUNED_ON", tuned_on)
    held: list[int] = []
    tune = module.tune
    monkeypatch.setattr(module, "tune", lambda exams, recipe: held.append(len(exams)) or tune(exams, recipe))
    score = score_by(draw_pool(VECTORS, CLASSES))
    score([(RECIPE, 4)])
    score([(RECIPE.with_(expansion=True), 2)])  # learns the same
    assert held == [folds]


def test_a_photo_alone_in_its_class_has_no_score_and_tunes_nothing():
    lonely = np.append(CLASSES, 99)
    pool = draw_pool(np.vstack([VECTORS, -VECTORS[:1]]), lonely)
    scores = np.concatenate(score_by(pool)([(RECIPE, fold) for fold in range(5)]))
    assert np.isnan(scores).sum() == 1


def test_the_curve_is_that_of_the_projection_without_the_first_fold():
    coordinates, classes, _, _ = draw_nuisance_photos(30)
    pool = replace(draw_pool(coordinates, classes), coordinates=coordinates)
    score, recipe = score_by(pool), draw_recipe(evidence="glrt", shrinkage=0.5)
    curve = score.curve(recipe)
    assert [point.epoch for point in curve] == list(range(len(curve)))
    assert len(curve) > 1
    assert score.curve(recipe.with_(projection=True)) == curve
