"""The scores of recipes while the ladder is climbed: fold by fold, out of what recipes share."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from imgsim_assets.retrieval.average_precision import Floats
from imgsim_assets.retrieval.cross_validation import Folds, score_fold
from imgsim_assets.retrieval.fold_fit import FoldFit, tune_on
from imgsim_assets.retrieval.learning_set import Pool
from imgsim_assets.retrieval.projection import CurvePoint
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.side_by_side import side_by_side
from imgsim_assets.retrieval.tuning import WITHOUT_EVIDENCE, Tuning
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
        self._asked = int(np.searchsorted(np.cumsum(np.bincount(folds.numbers)), TUNED_ON)) + 1
        # Two recipes are compared at a time, with the one below them.
        self._fit = lru_cache(maxsize=2 * folds.count)(self._learn)
        self._tuning = lru_cache(maxsize=3)(self._tune)

    def __call__(self, asked: Sequence[tuple[Recipe, int]]) -> list[Floats]:
        """Score the photos that are asked in a fold, under a recipe: float64 [m], NaN where one has none of its class.

        What several of them hang on is found first, or each would find it anew.
        """
        with single_thread():
            fits = {(_shared_part(recipe), number) for recipe, number in asked}
            for part in sorted({part for part, _ in fits}):
                self._describe(Recipe.model_validate_json(part))
            list(side_by_side(lambda one: self._fit(*one), sorted(fits)))
            for recipe, _ in asked:
                self._tuning_of(recipe)
            return list(side_by_side(lambda one: self._score(*one), asked))

    def curve(self, recipe: Recipe) -> tuple[CurvePoint, ...]:
        """Say how the learned projection beside `recipe` was trained without the first fold."""
        with single_thread():
            tuning = self._tuning(recipe.with_(projection=False).learned_part().model_dump_json())
            return self._fit(_shared_part(recipe), 0).projection(tuning.shrinkage).curve

    def _score(self, recipe: Recipe, number: int) -> Floats:
        fit = self._fit(_shared_part(recipe), number)
        return score_fold(fit.pool, self._folds, number, fit.head(recipe, self._tuning_of(recipe)))

    def _tuning_of(self, recipe: Recipe) -> Tuning:
        return self._tuning(recipe.learned_part().model_dump_json()) if recipe.learns else WITHOUT_EVIDENCE

    def _learn(self, part: str, number: int) -> FoldFit:
        recipe = Recipe.model_validate_json(part)
        return FoldFit(self._describe(recipe), self._folds, number, recipe, self._confidence)

    def _tune(self, learned: str) -> Tuning:
        recipe = Recipe.model_validate_json(learned)
        part = _shared_part(recipe)
        numbers = range(min(self._asked, self._folds.count))
        return tune_on(list(side_by_side(lambda number: self._fit(part, number), numbers)), recipe)


def _shared_part(recipe: Recipe) -> str:
    """Give what decides the coordinates, and from which photos is learned."""
    return recipe.described_part().with_(pseudo_labels=recipe.pseudo_labels).model_dump_json()
