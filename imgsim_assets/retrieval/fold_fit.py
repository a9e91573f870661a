"""What is learned without the labels of one fold, each part once, for all recipes that see the photos alike."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from imgsim_assets.retrieval.class_sets import ClassMeans
from imgsim_assets.retrieval.cross_validation import Folds
from imgsim_assets.retrieval.fine_tuned import columns_of, fit_weight
from imgsim_assets.retrieval.glrt import Floats, GlrtMetric, Ints, class_statistics, metric_from_statistics
from imgsim_assets.retrieval.label_codec import UNKNOWN
from imgsim_assets.retrieval.learning_set import Pool, learned_classes
from imgsim_assets.retrieval.logistic import fit_logistic
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.retrieval.projection import learn_projection
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.side_by_side import side_by_side
from imgsim_assets.retrieval.tuning import SHRINKAGES, WITHOUT_EVIDENCE, Tuning, calibrate, choose_shrinkage


class FoldFit:
    """The heads of one fold, for recipes of the same coordinates and guesses; nothing is fitted before it is needed."""

    def __init__(self, pool: Pool, folds: Folds, number: int, recipe: Recipe, confidence: float) -> None:
        """Hide the labels that are asked, and say which photos are learned from.

        Args:
            pool: all photos, in the recipe's coordinates.
            folds: of the same photos.
            number: of the fold.
            recipe: whether guesses are learned from.
            confidence: guesses below it are not.
        """
        hidden, asked = pool.classes.copy(), folds.asked(number)
        hidden[asked] = UNKNOWN
        learned = learned_classes(replace(pool, classes=hidden), recipe, confidence)
        taken = learned != UNKNOWN
        coordinates, classes = np.asarray(pool.coordinates[taken]), np.asarray(learned[taken])
        self.pool = pool
        self._means = ClassMeans.of(coordinates, classes)
        numbers = self.numbers = self._means.numbers
        self.asked: Ints = asked[np.isin(pool.classes[asked], numbers)]
        self._statistics = cache(lambda: class_statistics(coordinates, classes))
        self._logistic = cache(lambda: fit_logistic(coordinates, classes) if len(numbers) > 1 else None)
        self.projection = cache(lambda shrinkage: learn_projection(coordinates, classes, shrinkage))

    @property
    def truth(self) -> Ints:
        """The classes of `asked`, the photos of the fold whose class can be told: int64 [q]."""
        return np.asarray(self.pool.classes[self.asked])

    @property
    def class_scores(self) -> Floats | None:
        """What fine-tuned networks say of `asked`."""
        return self.pool.scores_of(self.asked)

    def gather(self) -> None:
        """Gather what the closed form needs, whatever the shrinkage."""
        self._statistics()

    def ratios(self, shrinkage: float, *, projection: bool) -> Floats:
        """Give the log ratios of `asked` for the classes of `numbers`: float64 [q, c]."""
        metric = self._metric(shrinkage, projection=projection)
        return self._means.log_ratios(metric, self.pool.coordinates[self.asked])

    def logits(self) -> Floats:
        """Give the logits of `asked` for the classes of `numbers`: float64 [q, c]; zeros where there is one class."""
        logistic = self._logistic()
        if logistic is None:
            return np.zeros((len(self.asked), 1))
        return logistic.logits(self.pool.coordinates[self.asked])

    def head(self, recipe: Recipe, tuning: Tuning) -> MetricHead:
        """Put the head of a recipe together."""
        metric = self._metric(tuning.shrinkage, projection=recipe.projection)
        logistic = self._logistic() if recipe.fits_logistic else None
        return MetricHead(recipe, self.pool.axes, metric, self._means.sets(metric), self.numbers, logistic, tuning)

    def _metric(self, shrinkage: float, *, projection: bool) -> GlrtMetric:
        if projection:
            return self.projection(shrinkage).metric
        return metric_from_statistics(self._statistics(), shrinkage)


def tune_on(fits: Sequence[FoldFit], recipe: Recipe) -> Tuning:
    """Tune a recipe's few numbers on the photos that are asked in some folds, by what has not seen their labels.

    Returns:
        `WITHOUT_EVIDENCE`, with the shrinkage if one is given, where no photo can be told.
    """
    shares = SHRINKAGES if isinstance(recipe.shrinkage, str) else (float(recipe.shrinkage),)
    if not sum(len(fit.asked) for fit in fits):
        return WITHOUT_EVIDENCE if len(shares) > 1 else replace(WITHOUT_EVIDENCE, shrinkage=shares[0])
    numbers = np.unique(np.concatenate([fit.numbers for fit in fits]))
    truth = np.searchsorted(numbers, np.concatenate([fit.truth for fit in fits]))

    def together(parts: Sequence[Floats]) -> Floats:
        spread = [np.full((len(part), len(numbers)), -np.inf) for part in parts]
        for fit, part, wide in zip(fits, parts, spread, strict=True):
            wide[:, np.searchsorted(numbers, fit.numbers)] = part
        return np.concatenate(spread)

    def ratios(share: float, *, projection: bool) -> Floats:
        return together([fit.ratios(share, projection=projection) for fit in fits])

    list(side_by_side(FoldFit.gather, fits))  # first, or each shrinkage would gather it anew
    tuning = choose_shrinkage(shares, list(side_by_side(partial(ratios, projection=False), shares)), truth)
    if not (recipe.projection or recipe.fits_logistic or recipe.fine_tuned):
        return tuning
    found = ratios(tuning.shrinkage, projection=recipe.projection)
    tuning = choose_shrinkage((tuning.shrinkage,), [found], truth)
    log_odds = found / tuning.glrt
    if recipe.fits_logistic:
        logits = together(list(side_by_side(FoldFit.logits, fits)))
        tuning = calibrate(tuning, found, logits, truth)
        log_odds = logits / tuning.logistic if recipe.evidence == "logistic" else tuning.fused(found, logits)
    scores = [fit.class_scores for fit in fits]
    if not recipe.fine_tuned or any(one is None for one in scores):
        return tuning
    said = columns_of(np.concatenate([one for one in scores if one is not None]), numbers)
    return replace(tuning, fine_tuned=fit_weight(log_odds, said, truth))
