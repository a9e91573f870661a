"""What photos that were not learned from choose, and the head that is tuned by them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from imgsim_assets.retrieval.calibration import WITHOUT_EVIDENCE, Tuning, calibrate, choose_shrinkage
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.fine_tuned import columns_of, fit_weight
from imgsim_assets.retrieval.fit import Fit
from imgsim_assets.retrieval.glrt import Floats
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.side_by_side import side_by_side
from imgsim_assets.threads import single_thread

SHRINKAGES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
FOLDS = 5
COSTLY_FOLDS = 2


@dataclass(frozen=True)
class Exam:
    """What was learned from some photos, and others, of learned classes, that are asked."""

    fit: Fit
    asked: Examples


def fit_head(axes: PrincipalAxes, photos: Examples, recipe: Recipe, tuning: Tuning | None = None) -> MetricHead:
    """Fit what the recipe asks for, and tune it on photos that it has not seen.

    Args:
        axes: what made the coordinates; kept for queries.
        photos: to learn from.
        recipe: what is fitted.
        tuning: found already; None: found here.
    """
    with single_thread():
        found = tuning or tune(exams(photos), recipe, COSTLY_FOLDS)
        return Fit(photos, np.ones(len(photos.classes), dtype=bool)).head(axes, recipe, found)


def exams(photos: Examples) -> list[Exam]:
    """Keep a fifth of the photos back in turn, and learn from the others, once something is asked of that."""
    return [Exam(Fit(photos, learned), photos.only(asked)) for learned, asked in photos.kept_back(FOLDS)]


def tune(held: Sequence[Exam], recipe: Recipe, costly: int | None = None) -> Tuning:
    """Tune a recipe's few numbers on photos that are asked, by what has not seen their labels.

    The shrinkage is chosen for the closed form, on all of them. On one thread each, so that the same photos give the
    same numbers.

    Args:
        held: the photos that are asked.
        recipe: what is tuned.
        costly: how many of the first calibrate what does not come in closed form; None: all.

    Returns:
        `WITHOUT_EVIDENCE`, with the shrinkage if one is given, where no photo can be asked.
    """
    shares = SHRINKAGES if isinstance(recipe.shrinkage, str) else (float(recipe.shrinkage),)
    held = [one for one in held if len(one.asked.classes)]
    if not held:
        return WITHOUT_EVIDENCE if len(shares) > 1 else replace(WITHOUT_EVIDENCE, shrinkage=shares[0])
    with single_thread():
        list(side_by_side(lambda one: one.fit.gather(), held))  # first, or each shrinkage would gather it anew
        every = _Together(held)
        ratios = list(side_by_side(partial(every.ratios, projection=False), shares))
        tuning = choose_shrinkage(shares, ratios, every.truth)
        if not (recipe.projection or recipe.fits_logistic or recipe.fine_tuned):
            return tuning
        return _with_experts(tuning, _Together(held[:costly]), recipe)


def _with_experts(tuning: Tuning, some: "_Together", recipe: Recipe) -> Tuning:
    """Calibrate what the closed form does not give."""
    ratios = some.ratios(tuning.shrinkage, projection=recipe.projection)
    if recipe.projection:
        tuning = choose_shrinkage((tuning.shrinkage,), [ratios], some.truth)
    log_odds = ratios / tuning.glrt
    if recipe.fits_logistic:
        logits = some.logits()
        tuning = calibrate(tuning, ratios, logits, some.truth)
        log_odds = logits / tuning.logistic if recipe.evidence == "logistic" else tuning.fused(ratios, logits)
    class_scores = some.class_scores()
    if not recipe.fine_tuned or class_scores is None:
        return tuning
    return replace(tuning, fine_tuned=fit_weight(log_odds, class_scores, some.truth))


class _Together:
    """The photos that several exams ask, one below the other, and all classes: minus infinity where one is unknown."""

    def __init__(self, held: Sequence[Exam]) -> None:
        self._held = held
        self._classes = np.unique(np.concatenate([one.fit.classes for one in held]))
        self.truth = np.searchsorted(self._classes, np.concatenate([one.asked.classes for one in held]))

    def ratios(self, shrinkage: float, *, projection: bool) -> Floats:
        return self._join(
            [one.fit.ratios(one.asked.coordinates, shrinkage, projection=projection) for one in self._held]
        )

    def logits(self) -> Floats:
        return self._join(list(side_by_side(lambda one: one.fit.logits(one.asked.coordinates), self._held)))

    def class_scores(self) -> Floats | None:
        said = [one.asked.class_scores for one in self._held if one.asked.class_scores is not None]
        return columns_of(np.concatenate(said), self._classes) if len(said) == len(self._held) else None

    def _join(self, parts: Sequence[Floats]) -> Floats:
        spread = [np.full((len(part), len(self._classes)), -np.inf) for part in parts]
        for one, part, wide in zip(self._held, parts, spread, strict=True):
            wide[:, np.searchsorted(self._classes, one.fit.classes)] = part
        return np.concatenate(spread)
