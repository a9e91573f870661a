"""From descriptors to the probability of each class: what is learned, and all that a query needs."""

from dataclasses import dataclass, replace

import numpy as np

from imgsim_assets.retrieval.class_sets import ClassMeans, class_posterior, query_features, set_features
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.fine_tuned import NO_WEIGHT, FineTunedWeight, columns_of, fit_weight
from imgsim_assets.retrieval.glrt import Floats, GlrtMetric, Ints
from imgsim_assets.retrieval.logistic import LogisticClasses, fit_logistic
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.projection import learn_projection
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.tuning import LOGISTIC_FOLDS, FitMetric, Tuning, closed_form, held_out_folds, tune
from imgsim_assets.threads import single_thread


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

    def posterior(self, coordinates: Floats, class_scores: Floats | None = None) -> Floats:
        """Give the probability of each class for photos [n, k]: float64 [n, c], rows adding up to 1.

        By the evidence that the recipe names; all together are a log-linear fusion.

        Args:
            coordinates: float64 [n, k].
            class_scores: float [n, m], what fine-tuned networks say, where the recipe asks them: log probabilities of
                the classes 0..m-1.

        Raises:
            ValueError: the recipe asks them, and there are none.
        """
        with single_thread():
            log_odds = self.log_odds(coordinates)
            if self.recipe.fine_tuned:
                if class_scores is None:
                    raise ValueError(f"no class scores of {', '.join(self.recipe.fine_tuned)}, which the recipe asks")
                log_odds = self.tuning.fine_tuned.pooled(log_odds, columns_of(class_scores, self.classes))
            return class_posterior(log_odds)

    def log_odds(self, coordinates: Floats) -> Floats:
        """Give the calibrated log odds of each class by the metric and logistic regression: float64 [n, c]."""
        if self.recipe.evidence == "logistic" and self.logistic is not None:
            return self.logistic.logits(coordinates) / self.tuning.logistic
        ratios = query_features(self.metric.project(coordinates), self.metric.between) @ self.sets.T
        if self.logistic is None:
            return np.asarray(ratios / self.tuning.glrt)
        return self.tuning.fused(ratios, self.logistic.logits(coordinates))

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
    axes: PrincipalAxes,
    coordinates: Floats,
    classes: Ints,
    recipe: Recipe,
    tuning: Tuning | None = None,
    *,
    class_scores: Floats | None = None,
) -> MetricHead:
    """Fit what the recipe asks for on photos [n, k], and tune it on photos that it has not seen.

    Args:
        axes: what made the coordinates; kept for queries.
        coordinates: float64 [n, k].
        classes: int [n], no -1.
        recipe: what is fitted.
        tuning: found already; None: found here.
        class_scores: float [n, m], what fine-tuned networks that have not learned from a photo say of it; only the
            tuning needs them.
    """
    found = tuning or tune_head(axes, coordinates, classes, recipe, class_scores=class_scores)
    logistic = fit_logistic(coordinates, classes) if recipe.fits_logistic and len(np.unique(classes)) > 1 else None
    with single_thread():
        metric = _fit_metric(recipe)(coordinates, classes, found.shrinkage)
        known = ClassMeans.of(coordinates, classes)
        return MetricHead(recipe, axes, metric, known.sets(metric), known.numbers, logistic, found)


def tune_head(
    axes: PrincipalAxes, coordinates: Floats, classes: Ints, recipe: Recipe, *, class_scores: Floats | None = None
) -> Tuning:
    """Tune the head that `fit_head` would fit on the same photos."""
    found = tune(coordinates, classes, recipe.shrinkage, logistic=recipe.fits_logistic, fit=_fit_metric(recipe))
    if not recipe.fine_tuned or class_scores is None:
        return found
    return replace(found, fine_tuned=_weigh(axes, coordinates, classes, class_scores, (recipe, found)))


def _weigh(
    axes: PrincipalAxes, coordinates: Floats, classes: Ints, class_scores: Floats, asked: tuple[Recipe, Tuning]
) -> FineTunedWeight:
    """Weigh the class scores beside the head of a recipe and tuning, on photos that it has not seen."""
    recipe, tuning = asked
    found = []
    for kept, rows in list(held_out_folds(classes))[:LOGISTIC_FOLDS]:
        head = fit_head(axes, coordinates[kept], classes[kept], recipe.with_(fine_tuned=()), tuning)
        scores, truth = columns_of(class_scores[rows], head.classes), np.searchsorted(head.classes, classes[rows])
        with single_thread():
            one = fit_weight(head.log_odds(coordinates[rows]), scores, truth)
        found.append((one.weight, np.log(one.temperature)))
    if not found:
        return NO_WEIGHT
    weight, exponent = np.mean(found, axis=0)
    return FineTunedWeight(float(weight), float(np.exp(exponent)))


def _fit_metric(recipe: Recipe) -> FitMetric:
    return _learned if recipe.projection else closed_form


def _learned(coordinates: Floats, classes: Ints, shrinkage: float) -> GlrtMetric:
    return learn_projection(coordinates, classes, shrinkage).metric
