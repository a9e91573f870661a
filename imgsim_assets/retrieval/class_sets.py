"""The log likelihood ratio "this photo belongs to that set of photos" written as an inner product.

In the metric's space a set of n photos with mean c predicts x_k ~ N(n b_k / (n b_k + 1) c_k, 1 + b_k / (n b_k + 1)),
an unknown set x_k ~ N(0, 1 + b_k). The log of their ratio is quadratic in x, so it is linear in (x, x^2, 1).

An inner product leaves open how its factors are scaled. Here the constant of a query is made large against x:
gallery vectors then lie near a sphere, and its centre is where an index may put the origin (`ann.equal_norms`).
Search by inner product becomes search by distance, which trees and lists can partition. Scaled to unit variance
instead, Annoy found 0.66 of the true neighbours on real photos, whatever it was allowed to inspect.
"""

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.glrt import Floats, Ints, class_means

Vectors = npt.NDArray[np.float32]

CONSTANT_OVER_SPREAD = 3.0
UNKNOWN = -1


def query_features(projected: Floats, between: Floats) -> Vectors:
    """Turn photos [q, r] in the metric's space into queries: float32 [q, 2r + 1]."""
    constant = np.full((len(projected), 1), _constant(between))
    return np.concatenate([projected, projected**2 - (1.0 + between), constant], axis=1).astype(np.float32)


def set_features(means: Floats, counts: Floats | Ints, between: Floats) -> Floats:
    """Turn sets of photos into vectors whose inner product with a query is the set log ratio.

    Args:
        means: float64 [s, r], the sets' means in the metric's space.
        counts: [s], photos in each set, at least 1.
        between: float64 [r], B's diagonal.

    Returns:
        float64 [s, 2r + 1].
    """
    known = np.asarray(counts, dtype=np.float64)[:, None] * between
    predicted = means * known / (known + 1.0)
    variance = 1.0 + between / (known + 1.0)
    ratio = (1.0 + between) / variance
    square = 0.5 * (1.0 / (1.0 + between) - 1.0 / variance)
    constant = 0.5 * (1.0 - ratio - predicted**2 / variance + np.log(ratio)).sum(axis=1, keepdims=True)
    return np.concatenate([predicted / variance, square, constant / _constant(between)], axis=1)


def gallery_features(projected: Floats, classes: Ints, between: Floats, pair_weight: float) -> Vectors:
    """Turn gallery photos into vectors whose inner product with a query ranks them.

    The score is (1 - pair_weight) * (log ratio of the photo's class as a set) + pair_weight * (log ratio of
    the photo alone). The first decides which class comes first, the second orders a class's photos.

    Args:
        projected: float64 [n, r].
        classes: int [n]; -1 for a photo of unknown class, which is a set of one.
        between: float64 [r].
        pair_weight: in 0..1.

    Returns:
        float32 [n, 2r + 1].
    """
    alone = set_features(projected, np.ones(len(projected)), between)
    _, rows, counts = np.unique(classes, return_inverse=True, return_counts=True)
    sets = set_features(class_means(projected, rows, len(counts)), counts, between)[rows]
    sets[classes == UNKNOWN] = alone[classes == UNKNOWN]
    return ((1.0 - pair_weight) * sets + pair_weight * alone).astype(np.float32)


def class_log_ratios(queries: Floats, projected: Floats, classes: Ints, between: Floats) -> tuple[Floats, Ints]:
    """Score queries [q, r] against every class of the photos [n, r].

    Returns:
        float64 [q, c] log ratios and the c class numbers in rising order. Photos of class -1 take no part.
    """
    known = classes != UNKNOWN
    numbers, rows, counts = np.unique(classes[known], return_inverse=True, return_counts=True)
    sets = set_features(class_means(projected[known], rows, len(counts)), counts, between)
    return query_features(queries, between).astype(np.float64) @ sets.T, numbers


def class_posterior(log_ratios: Floats, temperature: float = 1.0) -> Floats:
    """Softmax of [q, c] log ratios divided by `temperature`: float64 [q, c], rows adding up to 1."""
    scaled = log_ratios / temperature
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def fit_temperature(log_ratios: Floats, true_columns: Ints) -> float:
    """Choose the temperature that makes held-out photos' classes most likely.

    Args:
        log_ratios: float64 [q, c] of photos that took no part in the fit.
        true_columns: int [q], the column of each photo's class.

    Returns:
        A temperature in 0.1..1000.
    """
    from scipy.optimize import minimize_scalar

    def loss(exponent: float) -> float:
        scaled = log_ratios / 10.0**exponent
        top = scaled.max(axis=1)
        normaliser = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        return float(np.mean(normaliser - scaled[np.arange(len(scaled)), true_columns]))

    return float(10.0 ** minimize_scalar(loss, bounds=(-1.0, 3.0), method="bounded").x)


def _constant(between: Floats) -> float:
    return CONSTANT_OVER_SPREAD * float(np.sqrt(1.0 + between.sum()))
