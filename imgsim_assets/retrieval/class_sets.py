"""The log likelihood ratio "this photo belongs to that set of photos" written as an inner product.

In the metric's space a set of n photos with mean c predicts x_k ~ N(n b_k / (n b_k + 1) c_k, 1 + b_k / (n b_k + 1)),
an unknown set x_k ~ N(0, 1 + b_k). The log of their ratio is quadratic in x, so it is linear in (x, x^2, 1).
"""

from dataclasses import dataclass

import numpy as np

from imgsim_assets.retrieval.glrt import Floats, GlrtMetric, Ints, class_means


def query_features(projected: Floats, between: Floats) -> Floats:
    """Turn photos [q, r] in the metric's space into queries: float64 [q, 2r + 1]."""
    constant = np.ones((len(projected), 1))
    return np.concatenate([projected, projected**2 - (1.0 + between), constant], axis=1)


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
    return np.concatenate([predicted / variance, square, constant], axis=1)


@dataclass(frozen=True)
class ClassMeans:
    """The classes of photos: their numbers in rising order, int64 [c], means float64 [c, k], and photos of each [c]."""

    numbers: Ints
    means: Floats
    counts: Ints

    @classmethod
    def of(cls, coordinates: Floats, classes: Ints) -> "ClassMeans":
        """Take the mean of each class of photos [n, k]."""
        numbers, rows, counts = np.unique(classes, return_inverse=True, return_counts=True)
        return cls(numbers, class_means(coordinates, rows, len(counts)), counts)

    def sets(self, metric: GlrtMetric) -> Floats:
        """Describe each class as a set in a metric's space: float64 [c, 2r + 1].

        A metric is linear: means are taken there as any photo is, which spares it all others.
        """
        return set_features(metric.project(self.means), self.counts, metric.between)

    def log_ratios(self, metric: GlrtMetric, coordinates: Floats) -> Floats:
        """Score photos [q, k] for every class: float64 [q, c], columns as `numbers`."""
        return np.asarray(query_features(metric.project(coordinates), metric.between) @ self.sets(metric).T)


def class_posterior(log_ratios: Floats, temperature: float = 1.0) -> Floats:
    """Softmax of [q, c] log ratios divided by `temperature`: float64 [q, c], rows adding up to 1."""
    from scipy.special import softmax

    return np.asarray(softmax(log_ratios / temperature, axis=1))


def log_loss(log_odds: Floats, true_columns: Ints) -> float:
    """Give the mean of minus the log probability that [q, c] log odds give to each photo's class, int [q] columns."""
    top = log_odds.max(axis=1)
    normaliser = top + np.log(np.exp(log_odds - top[:, None]).sum(axis=1))
    return float(np.mean(normaliser - log_odds[np.arange(len(log_odds)), true_columns]))


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
        return log_loss(log_ratios / 10.0**exponent, true_columns)

    return float(10.0 ** minimize_scalar(loss, bounds=(-1.0, 3.0), method="bounded").x)
