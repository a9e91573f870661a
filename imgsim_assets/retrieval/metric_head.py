"""From descriptors to the probability of each class: what is learned, and all that a query needs."""

from dataclasses import dataclass

import numpy as np

from imgsim_assets.retrieval.calibration import Tuning
from imgsim_assets.retrieval.class_sets import class_posterior, query_features, set_features
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.fine_tuned import columns_of
from imgsim_assets.retrieval.glrt import Floats, GlrtMetric, Ints
from imgsim_assets.retrieval.logistic import LogisticClasses
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.recipe import Recipe
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
