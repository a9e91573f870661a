"""How far W is shrunk, chosen by what held-out train photos say."""

import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.retrieval.class_sets import class_log_ratios, class_posterior, fit_temperature
from imgsim_assets.retrieval.glrt import Floats, GlrtMetric, Ints, class_statistics, metric_from_statistics
from imgsim_assets.retrieval.single_thread import single_thread

SHRINKAGES = (0.1, 0.3, 0.5, 0.7, 0.9)
WITHOUT_EVIDENCE = 0.5
FOLDS = 2


def fit_metric(vectors: npt.NDArray[np.floating], classes: Ints, shrinkage: float | str = "auto") -> GlrtMetric:
    """Fit the GLRT metric with a given shrinkage, or with the one that held-out photos prefer (`"auto"`).

    On one thread, so that the same photos give the same bytes.

    Args:
        vectors: [n, d] descriptors.
        classes: int [n]; equal means same class.
        shrinkage: 0..1 or `"auto"`.
    """
    import scipy.linalg  # noqa: F401  loaded first, so that its BLAS is held to one thread too

    with single_thread():
        share = choose_shrinkage(vectors, classes) if isinstance(shrinkage, str) else shrinkage
        return metric_from_statistics(class_statistics(vectors, classes), share)


def choose_shrinkage(vectors: npt.NDArray[np.floating], classes: Ints) -> float:
    """Choose by two-fold cross-validation: the mean log posterior of a held-out photo's class.

    The posterior's temperature is fitted for each candidate, or over-confidence alone would decide. Log
    posterior and not MAP: it agrees with MAP to within noise and is far smoother in the shrinkage.

    Returns:
        One of `SHRINKAGES`; 0.5 where no class has a photo on both sides.
    """
    scores = np.zeros(len(SHRINKAGES))
    fold = balanced_folds(classes, FOLDS)
    scored = 0
    for number in range(FOLDS):
        kept = fold != number
        shared = np.isin(classes, classes[kept]) & ~kept
        if not kept.any() or not shared.any():
            continue
        scored += 1
        statistics = class_statistics(vectors[kept], classes[kept])
        for column, share in enumerate(track(SHRINKAGES, "choosing the shrinkage", unit="fit")):
            metric = metric_from_statistics(statistics, share)
            projected = metric.project(vectors[kept]), metric.project(vectors[shared])
            scores[column] += _evidence(*projected, classes[kept], classes[shared], metric.between)
    return SHRINKAGES[int(scores.argmax())] if scored else WITHOUT_EVIDENCE


def balanced_folds(classes: Ints, folds: int) -> Ints:
    """Deal each class's photos out to the folds in turn, in their order: int [n] in 0..folds-1."""
    _, rows = np.unique(classes, return_inverse=True)
    order = np.argsort(rows, kind="stable")
    fold = np.empty(len(classes), dtype=np.int64)
    fold[order] = np.arange(len(classes)) % folds
    return fold


def _evidence(known: Floats, asked: Floats, classes: Ints, truth: Ints, between: Floats) -> float:
    ratios, numbers = class_log_ratios(asked, known, classes, between)
    columns = np.searchsorted(numbers, truth)
    posterior = class_posterior(ratios, fit_temperature(ratios, columns))
    chosen = posterior[np.arange(len(columns)), columns]
    return float(np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean())
