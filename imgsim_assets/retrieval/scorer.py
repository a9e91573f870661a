"""The scores of recipes while the ladder is climbed: fold by fold, out of what recipes share."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from imgsim_assets.retrieval.average_precision import Floats
from imgsim_assets.retrieval.calibration import WITHOUT_EVIDENCE, Tuning
from imgsim_assets.retrieval.cross_validation import score_fold
from imgsim_assets.retrieval.fit import Fit
from imgsim_assets.retrieval.folds import Folds
from imgsim_assets.retrieval.label_codec import UNKNOWN
from imgsim_assets.retrieval.learning_set import Pool, learned_classes
from imgsim_assets.retrieval.projection import CurvePoint
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.side_by_side import side_by_side
from imgsim_assets.retrieval.tuning import Exam, tune
from imgsim_assets.threads import single_thread

Describe = Callable[[Recipe], Pool]

TUNED_ON = 500


class Scorer:
    """AP@10 of the photos that one fold asks, under any recipe.

    Shrinkage and temperatures, a handful of numbers, are tuned once a recipe, on the first folds that ask five hundred
    photos, and not anew in each fold: that favours the recipes that are compared alike. `cross_validation` scores the
    chosen one, and tunes in each fold. Folds are scored side by side, and the same photos give the same choice.
    """

    def __init__(self, describe: Describe, folds: Folds, confidence: float) -> None:
        """Fit nothing yet.

        Args:
            describe: puts the photos into a recipe's coordinates.
            folds: of the same photos.
            confidence: guesses below it are not learned from.
        """
        self._describe = describe
        self._folds = folds
        self._confidence = confidence
        enough = int(np.searchsorted(np.cumsum(np.bincount(folds.fold_of)), TUNED_ON)) + 1
        self._tuning_folds = range(min(enough, folds.count))
        # Two recipes are compared at a time, with the one below them. What they share is known by its JSON.
        self._fit = lru_cache(maxsize=2 * folds.count)(self._learn)
        self._tuning = lru_cache(maxsize=3)(self._tune)

    def __call__(self, tries: Sequence[tuple[Recipe, int]]) -> list[Floats]:
        """Score what a fold asks, under a recipe, for several of both: float64 [m], NaN for a photo alone in its class.

        What several of them hang on is found first, or each would find it anew.
        """
        with single_thread():
            fits = {(_shared_part(recipe), fold) for recipe, fold in tries}
            for shared in sorted({shared for shared, _ in fits}):
                self._describe(Recipe.model_validate_json(shared))
            list(side_by_side(lambda one: self._fit(*one), sorted(fits)))
            for recipe, _ in tries:
                self._tuning_of(recipe)
            return list(side_by_side(lambda one: self._score(*one), tries))

    def curve(self, recipe: Recipe) -> tuple[CurvePoint, ...]:
        """Say how the learned projection beside `recipe` was trained without the first fold."""
        with single_thread():
            tuning = self._tuning(recipe.with_(projection=False).learned_part().model_dump_json())
            return self._fit(_shared_part(recipe), 0).projection(tuning.shrinkage).curve

    def _score(self, recipe: Recipe, fold: int) -> Floats:
        pool = self._describe(recipe)
        head = self._fit(_shared_part(recipe), fold).head(pool.axes, recipe, self._tuning_of(recipe))
        return score_fold(pool, self._folds, fold, head)

    def _tuning_of(self, recipe: Recipe) -> Tuning:
        return self._tuning(recipe.learned_part().model_dump_json()) if recipe.learns else WITHOUT_EVIDENCE

    def _learn(self, shared: str, fold: int) -> Fit:
        recipe = Recipe.model_validate_json(shared)
        pool = self._describe(recipe)
        learned = learned_classes(pool.without(self._folds.asked(fold)), recipe, self._confidence)
        return Fit(replace(pool.examples, classes=learned), learned != UNKNOWN)

    def _tune(self, learned_part: str) -> Tuning:
        recipe = Recipe.model_validate_json(learned_part)
        shared = _shared_part(recipe)
        return tune(list(side_by_side(lambda fold: self._exam(shared, fold), self._tuning_folds)), recipe)

    def _exam(self, shared: str, fold: int) -> Exam:
        pool, fit = self._describe(Recipe.model_validate_json(shared)), self._fit(shared, fold)
        asked = self._folds.asked(fold)
        return Exam(fit, pool.examples.only(asked[np.isin(pool.classes[asked], fit.classes)]))


def _shared_part(recipe: Recipe) -> str:
    """Give what decides the coordinates, and from which photos is learned."""
    return recipe.described_part().with_(pseudo_labels=recipe.pseudo_labels).model_dump_json()
