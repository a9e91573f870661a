"""k-means clusters over all photos: train, test, labelled or not."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.retrieval.glrt import Floats, Ints, class_means
from imgsim_assets.retrieval.single_thread import single_thread

RESTARTS = 3
PRINCIPAL_DIMENSIONS = 128
POWER_ITERATIONS = 3
MOSTLY_LABELLED = 0.5
SAMPLE = 2000
GRID_RATIO = 1.4
LEAST_PHOTOS_PER_CLUSTER = 4


@dataclass(frozen=True)
class Clusters:
    """One row per photo: its cluster, int64 [n] in 0..count-1, and its membership in it, float64 [n] in 0..1."""

    numbers: Ints
    membership: Floats
    count: int


def find_clusters(descriptors: npt.NDArray[np.floating], count: int, seed: int) -> Clusters:
    """Group photos by k-means over centred descriptors, in their first 128 principal dimensions.

    Membership is the posterior of the photo's own cluster when all clusters are Gaussian with one common
    spread. The spread is counted over the effective dimensions of the residuals only: over all of them every
    photo would be certain of its cluster. Runs on one thread: k-means adds up in the order its threads finish.

    Args:
        descriptors: [n, d], finite, n >= 1.
        count: clusters; no more are made than there are distinct photos.
        seed: of the k-means starts.
    """
    import sklearn.cluster  # noqa: F401  loaded first, so that its threads are limited too

    with single_thread():
        values = principal_values(descriptors, seed)
        found = _k_means(values, count, RESTARTS, seed)
        return Clusters(found, _membership(values, found), int(found.max()) + 1)


def cluster_count(descriptors: npt.NDArray[np.floating], train_labels: list[str | None], seed: int) -> int:
    """Choose the number of clusters: the known classes where most train photos are labelled, else an estimate.

    The estimate is the count on a geometric grid whose clusters have the best silhouette on a sample of 2,000
    photos. It is never below the number of known classes.

    Args:
        descriptors: [n, d] of all photos.
        train_labels: one per train photo, None for none.
        seed: of the k-means starts.
    """
    known = len({label for label in train_labels if label is not None})
    labelled = sum(label is not None for label in train_labels)
    if known and labelled >= MOSTLY_LABELLED * len(train_labels):
        return known
    import sklearn.cluster  # noqa: F401

    with single_thread():
        rows = np.random.default_rng(seed).permutation(len(descriptors))[:SAMPLE]
        return _best_silhouette(principal_values(descriptors[np.sort(rows)], seed), max(known, 2), seed)


def principal_values(descriptors: npt.NDArray[np.floating], seed: int) -> Floats:
    """Centre [n, d] descriptors and keep their first 128 principal dimensions: float64 [n, up to 128]."""
    from sklearn.utils.extmath import randomized_svd

    values = np.asarray(descriptors, dtype=np.float32)
    values = values - values.mean(axis=0)
    kept = min(PRINCIPAL_DIMENSIONS, *values.shape)
    if kept == values.shape[1]:
        return np.asarray(values, dtype=np.float64)
    _, _, axes = randomized_svd(values, kept, n_iter=POWER_ITERATIONS, random_state=seed)
    return np.asarray(values @ axes.T, dtype=np.float64)


def _k_means(values: Floats, count: int, restarts: int, seed: int) -> Ints:
    from sklearn.cluster import KMeans

    distinct = len(np.unique(values, axis=0))
    means = KMeans(n_clusters=min(count, distinct), n_init=restarts, random_state=seed).fit(values)
    return np.asarray(np.unique(means.labels_, return_inverse=True)[1], dtype=np.int64)


def _membership(values: Floats, numbers: Ints) -> Floats:
    centres = class_means(values, numbers, int(numbers.max()) + 1)
    residuals = values - centres[numbers]
    covariance = residuals.T @ residuals / len(values)
    energy, spread = float(np.trace(covariance)), float((covariance**2).sum())
    if energy <= 0 or spread <= 0:
        return np.ones(len(values))
    # energy / (energy^2 / spread): the variance of one of the effective dimensions.
    variance = spread / energy
    squares = (values**2).sum(axis=1)[:, None] - 2.0 * values @ centres.T + (centres**2).sum(axis=1)
    own = squares[np.arange(len(values)), numbers][:, None]
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / np.exp((own - squares) / (2.0 * variance)).sum(axis=1))


def _best_silhouette(values: Floats, least: int, seed: int) -> int:
    from sklearn.metrics import silhouette_score

    distinct = len(np.unique(values, axis=0))
    most = min(distinct - 1, max(least, len(values) // LEAST_PHOTOS_PER_CLUSTER))
    if most < least:
        return max(1, min(least, distinct))
    steps = int(np.log(most / least) / np.log(GRID_RATIO)) + 1
    grid = sorted({round(least * GRID_RATIO**step) for step in range(steps)} | {least})
    tried = track(grid, "counting the clusters", unit="clustering")
    scores = [silhouette_score(values, _k_means(values, count, 1, seed)) for count in tried]
    return grid[int(np.argmax(scores))]
