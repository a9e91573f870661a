"""Vectors moved so that inner-product search becomes search by angle, which trees, lists and graphs need.

Subtracting one vector from the whole gallery changes all scores of a query by the same amount, so the origin may
be put anywhere. Where the gallery lies near a sphere (GLRT vectors do), its centre makes the norms nearly equal; one
more coordinate makes them equal (Bachrach et al., RecSys 2014). Neither changes a query's order.
"""

import numpy as np

from imgsim_assets.retrieval.ann.protocol import Vectors

SAMPLE = 20_000
# Not smaller: where photos hardly differ the centre could lie far off, and seen from there all lie in one direction,
# which a tree cannot split (Annoy then takes five times as long to build).
RIDGE = 1e-4


def move_origin(vectors: Vectors) -> Vectors:
    """Subtract from float32 [n, d] vectors the centre of the sphere that fits them best.

    The centre t and radius make |g|^2 - 2 t.g constant in the least-squares sense; it is fitted on at most 20,000
    evenly spaced vectors.
    """
    rows = np.unique(np.linspace(0, len(vectors) - 1, min(SAMPLE, len(vectors))).astype(np.int64))
    sample = vectors[rows].astype(np.float64)
    mean = sample.mean(axis=0)
    centred = sample - mean
    squares = (centred**2).sum(axis=1)
    scatter = centred.T @ centred
    scatter[np.diag_indices(len(scatter))] += RIDGE * max(float(np.trace(scatter)), np.finfo(np.float64).tiny)
    offset = 0.5 * np.linalg.solve(scatter, centred.T @ (squares - squares.mean()))
    return np.asarray(vectors - (mean + offset), dtype=np.float32)


def equalise(vectors: Vectors) -> Vectors:
    """Move the origin of [n, d] vectors and add the coordinate that gives all the same norm: float32 [n, d + 1]."""
    moved = move_origin(vectors)
    squares = np.einsum("nd,nd->n", moved, moved, dtype=np.float64)
    missing = np.sqrt(np.maximum(squares.max() - squares, 0.0))
    return np.concatenate([moved, missing[:, None].astype(np.float32)], axis=1, dtype=np.float32)


def widen(vectors: Vectors, width: int) -> Vectors:
    """Fill [n, d] vectors up to `width` coordinates with zeros, as queries of what `equalise` gave need it."""
    return np.pad(vectors, ((0, 0), (0, width - vectors.shape[1])))
