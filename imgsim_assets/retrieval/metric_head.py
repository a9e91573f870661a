"""From descriptors to the probability of each class: what is learned, and all that a query needs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.class_sets import (
    class_log_ratios,
    class_posterior,
    describe_classes,
    fit_temperature,
    query_features,
)
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.glrt import Floats, GlrtMetric, Ints
from imgsim_assets.retrieval.logistic import LogisticClasses, fit_logistic
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.shrinkage import FOLDS, balanced_folds, fit_metric
from imgsim_assets.retrieval.single_thread import single_thread
from imgsim_assets.settings import Head

WITHOUT_EVIDENCE = 20.0


@dataclass(frozen=True)
class Temperatures:
    """By what GLRT ratios, logits and the sum of both are divided before they are log probabilities."""

    glrt: float
    logistic: float
    both: float


@dataclass(frozen=True)
class MetricHead:
    """The GLRT metric and the logistic classes in principal coordinates, and their calibration.

    `sets` is float64 [c, 2r + 1] (`class_sets.set_features`), `classes` int64 [c] in rising order. `logistic` is None
    where it is switched off or there is one class only.
    """

    axes: PrincipalAxes
    metric: GlrtMetric
    sets: Floats
    classes: Ints
    logistic: LogisticClasses | None
    temperatures: Temperatures

    def posterior(self, coordinates: Floats) -> Floats:
        """Give the probability of each class for photos [n, k]: float64 [n, c], rows adding up to 1.

        A log-linear fusion: the two experts' calibrated log odds are added and calibrated again.
        """
        with single_thread():
            projected = self.metric.project(coordinates)
            ratios = query_features(projected, self.metric.between) @ self.sets.T
            logits = None if self.logistic is None else self.logistic.logits(coordinates)
            return class_posterior(_fused(ratios, logits, self.temperatures))

    def likeness(self, coordinates: Floats) -> Floats:
        """Give photos [n, k] as float64 [n, r] of norm 1 whose inner products tell how alike two photos are.

        Directions count by the share of their variance that lies between classes.
        """
        between = self.metric.between
        with single_thread():
            return normalise(self.metric.project(coordinates) * np.sqrt(between / (1.0 + between)))


def fit_head(axes: PrincipalAxes, coordinates: Floats, classes: Ints, chosen: Head) -> MetricHead:
    """Fit both experts on photos [n, k], and calibrate them on photos that they have not seen.

    Args:
        axes: what made the coordinates; kept for queries.
        coordinates: float64 [n, k].
        classes: int [n], no -1.
        chosen: settings of the head.
    """
    metric = fit_metric(coordinates, classes, chosen.shrinkage)
    logistic = fit_logistic(coordinates, classes) if chosen.logistic and len(np.unique(classes)) > 1 else None
    with single_thread():
        projected = metric.project(coordinates)
        sets, numbers = describe_classes(projected, classes, metric.between)
    temperatures = _calibrate(coordinates, classes, metric.shrinkage, logistic is not None)
    return MetricHead(axes, metric, sets, numbers, logistic, temperatures)


def _calibrate(coordinates: Floats, classes: Ints, shrinkage: float, with_logistic: bool) -> Temperatures:
    """Fit the temperatures on each of two folds that the other half has not seen; their geometric mean."""
    fold = balanced_folds(classes, FOLDS)
    found = [
        _temperatures(coordinates, classes, fold != number, shrinkage, with_logistic)
        for number in range(FOLDS)
        if len(np.unique(classes[fold != number])) > 1
    ]
    known = np.array([one for one in found if one is not None])
    if not len(known):
        return Temperatures(WITHOUT_EVIDENCE, 1.0, 1.0)
    return Temperatures(*np.exp(np.log(known).mean(axis=0)).tolist())


def _temperatures(
    coordinates: Floats, classes: Ints, kept: npt.NDArray[np.bool_], shrinkage: float, with_logistic: bool
) -> tuple[float, float, float] | None:
    asked = np.isin(classes, classes[kept]) & ~kept
    if not asked.any():
        return None
    metric = fit_metric(coordinates[kept], classes[kept], shrinkage)
    with single_thread():
        projected = metric.project(coordinates[asked]), metric.project(coordinates[kept])
        ratios, numbers = class_log_ratios(*projected, classes[kept], metric.between)
    truth = np.searchsorted(numbers, classes[asked])
    glrt = fit_temperature(ratios, truth)
    if not with_logistic:
        return glrt, 1.0, 1.0
    logits = fit_logistic(coordinates[kept], classes[kept]).logits(coordinates[asked])
    logistic = fit_temperature(logits, truth)
    return glrt, logistic, fit_temperature(_fused(ratios, logits, Temperatures(glrt, logistic, 1.0)), truth)


def _fused(ratios: Floats, logits: Floats | None, temperatures: Temperatures) -> Floats:
    if logits is None:
        return ratios / temperatures.glrt
    return (ratios / temperatures.glrt + logits / temperatures.logistic) / temperatures.both
