"""Clusters where photos lie dense, by HDBSCAN: their number is found, not given, and no shape is assumed.

Source: Campello, Moulavi and Sander, "Density-Based Clustering Based on Hierarchical Density Estimates" (PAKDD 2013).
"""

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.clusters import Clusters
from imgsim_assets.retrieval.glrt import Floats, Ints, class_means
from imgsim_assets.threads import single_thread

# Two or three photos lie close by chance, or are shots of one scene; many more would lose the small classes.
LEAST_PHOTOS = 5
NOISE = -1
NOISE_SHARE = 0.5


def find_dense_clusters(coordinates: npt.NDArray[np.floating]) -> Clusters:
    """Group photos by density over their coordinates, diffusion coordinates as a rule.

    A cluster has at least five different photos; equal ones are counted once. The membership of its photos is
    HDBSCAN's: 1 in the densest part, falling to its edge. A photo that lies in no dense part joins the cluster of
    the nearest centre, with half of the least membership in that cluster. Where nothing is dense, also with fewer
    than ten different photos, all photos are one cluster, of membership 1/2: nobody is sure of it.

    Memory grows with n, time with n squared. Runs on one thread.

    Args:
        coordinates: [n, p], finite, n >= 1.
    """
    import sklearn.cluster  # noqa: F401  loaded first, so that its threads are limited too

    values = np.asarray(coordinates, dtype=np.float64)
    distinct, rows = np.unique(values, axis=0, return_inverse=True)
    with single_thread():
        numbers, membership = _with_noise(distinct, *_dense(distinct))
    return Clusters(numbers[rows.ravel()], membership[rows.ravel()], int(numbers.max()) + 1)


def _dense(values: Floats) -> tuple[Ints, Floats]:
    """Give the cluster of each row of [n, p], -1 for noise, and its membership, 0 for noise."""
    from sklearn.cluster import HDBSCAN

    if len(values) < LEAST_PHOTOS:
        return np.full(len(values), NOISE, dtype=np.int64), np.zeros(len(values))
    found = HDBSCAN(min_cluster_size=LEAST_PHOTOS, n_jobs=1, copy=True).fit(values)
    return found.labels_.astype(np.int64), np.asarray(found.probabilities_, dtype=np.float64)


def _with_noise(values: Floats, numbers: Ints, membership: Floats) -> tuple[Ints, Floats]:
    """Give the photos without a cluster one, and a membership below all others in it."""
    noise = numbers == NOISE
    if noise.all():
        return np.zeros_like(numbers), np.full(len(values), NOISE_SHARE)
    count = int(numbers.max()) + 1
    centres = class_means(values[~noise], numbers[~noise], count)
    squares = (centres**2).sum(axis=1) - 2.0 * values[noise] @ centres.T
    least = np.ones(count)
    np.minimum.at(least, numbers[~noise], membership[~noise])
    joined, sure = numbers.copy(), membership.copy()
    joined[noise] = squares.argmin(axis=1)
    sure[noise] = NOISE_SHARE * least[joined[noise]]
    return joined, sure
