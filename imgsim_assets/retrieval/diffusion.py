"""Photos by where a random walk over their nearest neighbours leads: what lies on one sheet of photos comes together.

Source: diffusion maps (Coifman and Lafon 2006), for retrieval Iscen et al., "Fast Spectral Ranking for Similarity
Search" (CVPR 2018). No label is used: train, test and unlabelled photos are nodes of one graph.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.glrt import Floats
from imgsim_assets.retrieval.principal import principal_axes
from imgsim_assets.threads import single_thread

PRINCIPAL_DIMENSIONS = 256
NEIGHBOURS = 15
AFFINITY_POWER = 3
DIMENSIONS = 200
STEPS = 4
LEAST_DEGREE = 1e-9
POWER_ITERATIONS = 20


def diffusion_coordinates(descriptors: npt.NDArray[np.floating], seed: int = 0) -> Floats:
    """Embed photos [n, d] by diffusion over their neighbour graph: float64 [n, up to 200] of norm 1.

    Neighbours are sought in half-whitened principal coordinates.

    Args:
        descriptors: [n, d], finite.
        seed: of the decomposition.
    """
    axes = principal_axes(descriptors, PRINCIPAL_DIMENSIONS, seed)
    whitened = axes.half_whitened(axes.project(descriptors))
    if len(whitened) < 3 or not whitened.shape[1]:  # too few for a graph, or all photos equal
        return normalise(whitened) if whitened.shape[1] else np.zeros((len(whitened), 1))
    with single_thread():
        return spectral_coordinates(neighbour_graph(normalise(whitened), NEIGHBOURS), DIMENSIONS, STEPS)


def neighbour_graph(vectors: npt.NDArray[np.floating], neighbours: int) -> Any:  # noqa: ANN401  a scipy matrix
    """Join each photo of [n, d] (norm 1) to its nearest ones: symmetric sparse [n, n], affinity cosine cubed."""
    from scipy.sparse import csr_matrix

    values = np.asarray(vectors, dtype=np.float32)
    found, scores = exact_neighbours(values, values, min(neighbours + 1, len(values)))
    others = found != np.arange(len(values))[:, None]
    rows = np.broadcast_to(np.arange(len(values))[:, None], found.shape)[others]
    weights = np.maximum(scores[others], 0.0).astype(np.float64) ** AFFINITY_POWER
    graph = csr_matrix((weights, (rows, found[others])), shape=(len(values), len(values)))
    return (graph + graph.T) / 2.0


def spectral_coordinates(graph: Any, dimensions: int, steps: int) -> Floats:  # noqa: ANN401  a scipy matrix
    """Embed the nodes of a symmetric sparse graph [n, n]: eigenvectors of the normalised walk, eigenvalues ** steps.

    Returns:
        float64 [n, min(dimensions, n - 1)] of norm 1; a node without neighbours is all zeros.
    """
    from scipy.sparse import diags, identity
    from sklearn.utils.extmath import randomized_svd

    degree = np.asarray(graph.sum(axis=1)).ravel()
    scale = diags(1.0 / np.sqrt(np.maximum(degree, LEAST_DEGREE)))
    # Half a step: its eigenvalues are not negative, so its singular vectors are the walk's eigenvectors. A block
    # method and not Lanczos: parts of a graph that nothing joins share the eigenvalue 1, and Lanczos finds only one.
    lazy = (scale @ graph @ scale + identity(len(degree))) / 2.0
    count = min(dimensions, max(1, len(degree) - 1))
    vectors, values, _ = randomized_svd(
        lazy.tocsr(), count, n_iter=POWER_ITERATIONS, power_iteration_normalizer="QR", random_state=0
    )
    return normalise(vectors * np.maximum(2.0 * values - 1.0, 0.0) ** steps)
