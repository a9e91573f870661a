"""The two-covariance GLRT metric in closed form: x = mean + m + e, m ~ N(0, B) per class, e ~ N(0, W) per photo.

Source: the likelihood-ratio idea of Zhang et al., "GLRT-Based Metric Learning for Remote Sensing Object
Retrieval" (arXiv 2410.05773). The Gaussian two-covariance form is this project's instantiation of it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_SHRINKAGE = 1e-9
LEAST_WITHIN_SHARE = 1e-9
LEAST_BETWEEN = 1e-9
SINGLETON_WITHIN_SHARE = 0.5
SPAN_BELOW = 0.75


@dataclass(frozen=True)
class GlrtMetric:
    """A space in which W is the identity and B is diagonal: `(x - mean) @ projection`.

    `projection` is float64 [d, r], r <= classes - 1; `between` is B's diagonal, float64 [r], positive and
    falling. Where the photos do not differ at all, r is 1 and both are zero.
    """

    mean: Floats
    projection: Floats
    between: Floats
    shrinkage: float

    def project(self, vectors: npt.NDArray[np.floating]) -> Floats:
        """Take descriptors [n, d] into the metric's space: float64 [n, r]."""
        return (np.asarray(vectors, dtype=np.float64) - self.mean) @ self.projection


@dataclass(frozen=True)
class ClassStatistics:
    """What the closed form needs of the photos: class means [c, m], counts [c], pooled within covariance [m, m].

    They are about `origin` [d] and in the orthonormal `basis` [d, m] of what the photos span; None: m is d.
    """

    means: Floats
    counts: Floats
    within: Floats
    total_variance: float
    origin: Floats
    basis: Floats | None


def fit_glrt(vectors: npt.NDArray[np.floating], classes: Ints, shrinkage: float) -> GlrtMetric:
    """Estimate mean, W and B in closed form, and the projection that diagonalises both.

    Args:
        vectors: [n, d] descriptors, finite.
        classes: int [n], any numbers; equal means same class.
        shrinkage: in 0..1, how far W is drawn towards a multiple of the identity.

    Raises:
        ValueError: no photos, values that are not finite, or lengths that differ.
    """
    return metric_from_statistics(class_statistics(vectors, classes), shrinkage)


def class_statistics(vectors: npt.NDArray[np.floating], classes: Ints) -> ClassStatistics:
    """Gather class means and the pooled within-class covariance of [n, d] descriptors.

    When no class has two photos, or there is one class only, W cannot be told from B. Then every photo
    counts as a class, and W as half of the total variance, the same in all directions: the pair score is
    close to a Euclidean one. With far fewer photos than dimensions all is done in the space that they span, which
    changes nothing: W is a multiple of the identity, and B nothing, outside it.
    """
    values = np.asarray(vectors, dtype=np.float64)
    if values.ndim != 2 or not len(values) or len(values) != len(classes):
        raise ValueError(f"vectors {values.shape} and {len(classes)} classes do not describe at least one photo")
    if not np.isfinite(values).all():
        raise ValueError("vectors must be finite")
    total = float(values.var(axis=0).sum())
    origin, basis = values.mean(axis=0), None
    values = values - origin
    if len(values) < SPAN_BELOW * values.shape[1]:
        basis, coordinates = np.linalg.qr(values.T)
        values = np.ascontiguousarray(coordinates.T)
    _, rows, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if len(counts) == 1 or len(counts) == len(values):
        within = np.eye(values.shape[1]) * (SINGLETON_WITHIN_SHARE * total / len(origin))
        return ClassStatistics(values, np.ones(len(values)), within, total, origin, basis)
    means = class_means(values, rows, len(counts))
    residuals = values - means[rows]
    within = residuals.T @ residuals / (len(values) - len(counts))
    return ClassStatistics(means, counts.astype(np.float64), within, total, origin, basis)


def class_means(values: Floats, rows: Ints, count: int) -> Floats:
    """Average [n, d] `values` by class number `rows` in 0..count-1; a class without photos gets zeros."""
    order = np.argsort(rows, kind="stable")
    present, starts, sizes = np.unique(rows[order], return_index=True, return_counts=True)
    means = np.zeros((count, values.shape[1]))
    if len(present):
        means[present] = np.add.reduceat(values[order], starts, axis=0) / sizes[:, None]
    return means


def metric_from_statistics(statistics: ClassStatistics, shrinkage: float) -> GlrtMetric:
    """Diagonalise W and B together without a d x d eigenproblem: one Cholesky, one thin SVD.

    B's diagonal is the unbiased (method of moments) estimate: the scatter of class means holds W once per
    class, which is taken off; directions in which nothing is left are dropped.
    """
    from scipy.linalg import cholesky, solve_triangular

    counts, width = statistics.counts, statistics.means.shape[1]
    mean = np.average(statistics.means, axis=0, weights=counts)
    factor = cholesky(_shrunk(statistics, shrinkage), lower=True) if statistics.total_variance > 0 else np.eye(width)
    spread = solve_triangular(factor, (statistics.means - mean).T * np.sqrt(counts), lower=True)
    directions, sizes, _ = np.linalg.svd(spread, full_matrices=False)
    freedom = max(len(counts) - 1, 1)
    photos_per_class = (counts.sum() - (counts**2).sum() / counts.sum()) / freedom
    between = (sizes**2 / freedom - 1.0) / photos_per_class if photos_per_class > 0 else np.zeros_like(sizes)
    kept = np.flatnonzero(between[:freedom] > LEAST_BETWEEN)
    mean = statistics.origin + _unfolded(statistics, mean)
    if not len(kept) or statistics.total_variance <= 0:
        return GlrtMetric(mean, np.zeros((len(mean), 1)), np.zeros(1), shrinkage)
    projection = _unfolded(statistics, solve_triangular(factor, directions[:, kept], lower=True, trans="T"))
    # An SVD leaves each direction's sign open; fixing it makes the same photos give the same file.
    signs = np.sign(projection[np.abs(projection).argmax(axis=0), np.arange(len(kept))])
    return GlrtMetric(mean, projection * signs, between[kept], shrinkage)


def _unfolded(statistics: ClassStatistics, values: Floats) -> Floats:
    return values if statistics.basis is None else np.asarray(statistics.basis @ values)


def _shrunk(statistics: ClassStatistics, shrinkage: float) -> Floats:
    """W drawn towards the identity, kept invertible where photos are fewer than dimensions or equal in a class."""
    share = max(shrinkage, LEAST_SHRINKAGE)
    width = len(statistics.origin)
    scale = max(float(np.trace(statistics.within)), LEAST_WITHIN_SHARE * statistics.total_variance) / width
    shrunk = (1.0 - share) * statistics.within
    shrunk[np.diag_indices(len(shrunk))] += share * scale
    return shrunk
