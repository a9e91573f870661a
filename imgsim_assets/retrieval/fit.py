"""What is learned from photos, each part once, for all recipes that see them alike."""

from functools import cache

import numpy as np

from imgsim_assets.retrieval.calibration import Tuning
from imgsim_assets.retrieval.class_sets import ClassMeans
from imgsim_assets.retrieval.examples import Examples, Mask
from imgsim_assets.retrieval.glrt import ClassStatistics, Floats, GlrtMetric, class_statistics, metric_from_statistics
from imgsim_assets.retrieval.logistic import LogisticClasses, fit_logistic
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.projection import LearnedProjection, learn_projection
from imgsim_assets.retrieval.recipe import Recipe


class Fit:
    """The parts of a head; none is fitted before it is needed.

    `classes` are those that are learned, int64 [c] in rising order: the columns of `ratios` and `logits`.
    """

    def __init__(self, photos: Examples, learned: Mask) -> None:
        """Say from which of the photos, bool [n], is learned: they are copied while a part is fitted, and no longer."""
        self._means = ClassMeans.of(photos.coordinates[learned], photos.classes[learned])
        self.classes = self._means.numbers

        def statistics() -> ClassStatistics:
            return class_statistics(photos.coordinates[learned], photos.classes[learned])

        def logistic() -> LogisticClasses | None:
            several = len(self.classes) > 1
            return fit_logistic(photos.coordinates[learned], photos.classes[learned]) if several else None

        def projection(shrinkage: float) -> LearnedProjection:
            return learn_projection(photos.only(learned), shrinkage)

        self._statistics, self._logistic, self.projection = cache(statistics), cache(logistic), cache(projection)

    def gather(self) -> None:
        """Gather what the closed form needs, whatever the shrinkage."""
        self._statistics()

    def ratios(self, coordinates: Floats, shrinkage: float, *, projection: bool) -> Floats:
        """Give the log ratios of photos [q, k] for the classes: float64 [q, c]."""
        return self._means.log_ratios(self._metric(shrinkage, projection=projection), coordinates)

    def logits(self, coordinates: Floats) -> Floats:
        """Give the logits of photos [q, k] for the classes: float64 [q, c]; zeros where there is one class."""
        logistic = self._logistic()
        return np.zeros((len(coordinates), 1)) if logistic is None else logistic.logits(coordinates)

    def head(self, axes: PrincipalAxes, recipe: Recipe, tuning: Tuning) -> MetricHead:
        """Put the head of a recipe together; `axes` made the coordinates."""
        metric = self._metric(tuning.shrinkage, projection=recipe.projection)
        logistic = self._logistic() if recipe.fits_logistic else None
        return MetricHead(recipe, axes, metric, self._means.sets(metric), self.classes, logistic, tuning)

    def _metric(self, shrinkage: float, *, projection: bool) -> GlrtMetric:
        if projection:
            return self.projection(shrinkage).metric
        return metric_from_statistics(self._statistics(), shrinkage)
