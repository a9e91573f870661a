"""k-means clusters over all photos: train, test, labelled or not."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.retrieval.glrt import Floats, Ints, class_means
from imgsim_assets.threads import single_thread

RESTARTS = 3
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


def find_clusters(coordinates: npt.NDArray[np.floating], count: int, seed: int) -> Clusters:
    """Group photos by k-means over their coordinates, diffusion coordinates as a rule.

    Membership is the posterior of the photo's own cluster when all clusters are Gaussian with one common
    spread. The spread is counted over the effective dimensions of the residuals only: over all of them every
    photo would be certain of its cluster. Runs on one thread: k-means adds up in the order its threads finish.

    Args:
        coordinates: [n, p], finite, n >= 1.
        count: clusters; no more are made than there are distinct photos.
        seed: of the k-means starts.
    """
    import sklearn.cluster  # noqa: F401  loaded first, so that its threads are limited too

    with single_thread():
        values = np.asarray(coordinates, dtype=np.float64)
        found = _k_means(values, count, RESTARTS, seed)
        return Clusters(found, _membership(values, found), int(found.max()) + 1)


def cluster_count(coordinates: npt.NDArray[np.floating], train_classes: Ints, seed: int) -> int:
    """Choose the number of clusters: the known classes where most train photos are labelled, else an estimate.

    The estimate is the count on a geometric grid whose clusters have the best silhouette on a sample of 2,000
    photos. It is never below the number of known classes.

    Args:
        coordinates: [n, p] of all photos.
        train_classes: int [t] of the train photos, -1 for none.
        seed: of the k-means starts.
    """
    labelled = train_classes[train_classes >= 0]
    known = len(np.unique(labelled))
    if known and len(labelled) >= MOSTLY_LABELLED * len(train_classes):
        return known
    import sklearn.cluster  # noqa: F401

    with single_thread():
        rows = np.random.default_rng(seed).permutation(len(coordinates))[:SAMPLE]
        values = np.asarray(coordinates, dtype=np.float64)[np.sort(rows)]
        return _best_silhouette(values, max(known, 2), seed)


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
