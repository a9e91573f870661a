"""From descriptors to the probability of each class: what is learned, and all that a query needs."""

from dataclasses import dataclass

import numpy as np

from imgsim_assets.retrieval.class_sets import class_posterior, describe_classes, query_features, set_features
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.glrt import Floats, GlrtMetric, Ints
from imgsim_assets.retrieval.logistic import LogisticClasses, fit_logistic
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.projection import learn_projection
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.single_thread import single_thread
from imgsim_assets.retrieval.tuning import FitMetric, Tuning, closed_form, tune


@dataclass(frozen=True)
class MetricHead:
    """The GLRT metric and the logistic classes in principal coordinates, and their calibration.

    `sets` is float64 [c, 2r + 1] (`class_sets.set_features`), `classes` int64 [c] in rising order. `logistic` is None
    where the recipe does not ask for it or there is one class only.
    """

    recipe: Recipe
    axes: PrincipalAxes
    metric: GlrtMetric
    sets: Floats
    classes: Ints
    logistic: LogisticClasses | None
    tuning: Tuning

    def posterior(self, coordinates: Floats) -> Floats:
        """Give the probability of each class for photos [n, k]: float64 [n, c], rows adding up to 1.

        By the evidence that the recipe names; both together are a log-linear fusion.
        """
        with single_thread():
            if self.recipe.evidence == "logistic" and self.logistic is not None:
                return class_posterior(self.logistic.logits(coordinates), self.tuning.logistic)
            ratios = query_features(self.metric.project(coordinates), self.metric.between) @ self.sets.T
            if self.logistic is None:
                return class_posterior(ratios, self.tuning.glrt)
            return class_posterior(self.tuning.fused(ratios, self.logistic.logits(coordinates)))

    def likeness(self, coordinates: Floats) -> tuple[Floats, Floats]:
        """Give photos [n, k] as queries and as gallery photos: the inner product of the two tells how alike they are.

        Both float64 [n, m]. They differ for the likelihood ratio of a pair only; all others are cosines. In the
        metric's space directions count by the share of their variance that lies between classes.
        """
        with single_thread():
            if self.recipe.likeness == "pair":
                projected, between = self.metric.project(coordinates), self.metric.between
                return query_features(projected, between), set_features(projected, np.ones(len(projected)), between)
            alike = normalise(self._compared(coordinates))
            return alike, alike

    def _compared(self, coordinates: Floats) -> Floats:
        if self.recipe.likeness == "cosine":
            return coordinates + self.axes.origin
        if self.recipe.likeness == "centred":
            return coordinates
        if self.recipe.likeness == "whitened":
            return self.axes.half_whitened(coordinates)
        between = self.metric.between
        return self.metric.project(coordinates) * np.sqrt(between / (1.0 + between))


def fit_head(
    axes: PrincipalAxes, coordinates: Floats, classes: Ints, recipe: Recipe, tuning: Tuning | None = None
) -> MetricHead:
    """Fit what the recipe asks for on photos [n, k], and tune it on photos that it has not seen.

    Args:
        axes: what made the coordinates; kept for queries.
        coordinates: float64 [n, k].
        classes: int [n], no -1.
        recipe: what is fitted.
        tuning: found already; None: found here.
    """
    import scipy.linalg  # noqa: F401  loaded first, so that its BLAS is held to one thread too

    found = tuning or tune_head(coordinates, classes, recipe)
    logistic = fit_logistic(coordinates, classes) if recipe.fits_logistic and len(np.unique(classes)) > 1 else None
    with single_thread():
        metric = _fit_metric(recipe)(coordinates, classes, found.shrinkage)
        sets, numbers = describe_classes(metric.project(coordinates), classes, metric.between)
    return MetricHead(recipe, axes, metric, sets, numbers, logistic, found)


def tune_head(coordinates: Floats, classes: Ints, recipe: Recipe) -> Tuning:
    """Tune the head that `fit_head` would fit on the same photos."""
    return tune(coordinates, classes, recipe.shrinkage, logistic=recipe.fits_logistic, fit=_fit_metric(recipe))


def _fit_metric(recipe: Recipe) -> FitMetric:
    return _learned if recipe.projection else closed_form


def _learned(coordinates: Floats, classes: Ints, shrinkage: float) -> GlrtMetric:
    return learn_projection(coordinates, classes, shrinkage).metric
