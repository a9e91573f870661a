"""Vectors replaced by the mean of their neighbourhood: what neighbours share stays, what is particular averages out.

Sources: alpha query expansion, Radenovic, Tolias and Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation"
(TPAMI 2019). Database-side augmentation, Turcot and Lowe (ICCV Workshops 2009) and Arandjelovic and Zisserman (CVPR
2012); weighted by likeness, Gordo et al. (IJCV 2017). No label is used.
"""

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import Ids, Vectors
from imgsim_assets.retrieval.descriptors import normalise

BLOCK_VALUES = 8_000_000


def expand_queries(
    gallery: npt.NDArray[np.floating], queries: npt.NDArray[np.floating], neighbours: int = 10, alpha: float = 3.0
) -> Vectors:
    """Add to each query its nearest gallery vectors, each weighted by cosine ** alpha.

    All vectors are scaled to norm 1 first; the query itself has weight 1, a neighbour whose cosine is not positive 0.

    Args:
        gallery: [n, d], finite.
        queries: [q, d], finite.
        neighbours: at least 1; fewer are added where the gallery is smaller. Ties at the end go by row number.
        alpha: at least 0; 0 gives all neighbours the same weight, a large one only copies of the query any.

    Returns:
        float32 [q, d] of norm 1; a query of zeros stays as it is.

    Raises:
        ValueError: `neighbours` or `alpha` is too small.
    """
    _check(neighbours, alpha)
    units, centres = _unit(gallery), _unit(queries)
    if not len(units):
        return centres
    ids, cosines = exact_neighbours(units, centres, min(neighbours, len(units)))
    return _weighted_sums(centres, units, ids, _weights(cosines, alpha))


def augment_gallery(gallery: npt.NDArray[np.floating], neighbours: int = 10, alpha: float = 3.0) -> Vectors:
    """Add to each gallery vector its nearest other ones, each weighted by cosine ** alpha.

    A photo is not its own neighbour, an exact copy of it in another row is. All else is as in `expand_queries`.

    Args:
        gallery: [n, d], finite.
        neighbours: at least 1.
        alpha: at least 0.

    Returns:
        float32 [n, d] of norm 1; a vector of zeros stays as it is.

    Raises:
        ValueError: `neighbours` or `alpha` is too small.
    """
    _check(neighbours, alpha)
    units = _unit(gallery)
    count = min(neighbours, len(units) - 1)
    if count < 1:
        return units
    ids, cosines = exact_neighbours(units, units, count + 1)
    others = ids != np.arange(len(units))[:, None]
    # Behind many copies of itself a photo is missing from its own list, which then is one neighbour too long.
    others[others.all(axis=1), -1] = False
    shape = (len(units), count)
    return _weighted_sums(units, units, ids[others].reshape(shape), _weights(cosines[others].reshape(shape), alpha))


def _check(neighbours: int, alpha: float) -> None:
    if neighbours < 1:
        raise ValueError(f"expected at least 1 neighbour, found {neighbours}")
    if not alpha >= 0:
        raise ValueError(f"expected alpha of at least 0, found {alpha}")


def _unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    return normalise(vectors).astype(np.float32)


def _weights(cosines: npt.NDArray[np.float32], alpha: float) -> npt.NDArray[np.float64]:
    positive = np.maximum(cosines, 0.0).astype(np.float64)
    return np.where(positive > 0, positive**alpha, 0.0)


def _weighted_sums(centres: Vectors, units: Vectors, ids: Ids, weights: npt.NDArray[np.float64]) -> Vectors:
    """Add to `centres` [q, d] the rows `ids` [q, k] of `units`, weighted: float32 [q, d] of norm 1."""
    sums = np.empty_like(centres)
    rows = max(1, BLOCK_VALUES // max(1, ids.shape[1] * centres.shape[1]))
    for start in range(0, len(centres), rows):
        block = slice(start, start + rows)
        # Not a matrix product, whose last bits would depend on threads.
        weighted = units[ids[block]] * weights[block, :, None]
        sums[block] = normalise(centres[block] + weighted.sum(axis=1))
    return sums
