"""Vectors moved so that inner-product search becomes search by angle, which trees, lists and graphs need.

Subtracting one vector from the whole gallery changes all scores of a query by the same amount, so the origin may
be put anywhere. Where the gallery lies near a sphere (GLRT vectors do), its centre makes the norms nearly equal; one
more coordinate makes them equal (Bachrach et al., RecSys 2014). Neither changes a query's order.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.protocol import Vectors
from imgsim_assets.retrieval.ann.rows import blocks, evenly

SAMPLE = 20_000
# Not smaller: where photos hardly differ the centre could lie far off, and seen from there all lie in one direction,
# which a tree cannot split (Annoy then takes five times as long to build).
RIDGE = 1e-4


@dataclass(frozen=True)
class Sphere:
    """Where the origin is put: `centre` float64 [d], and `square`, the largest squared distance of a vector to it."""

    centre: npt.NDArray[np.float64]
    square: float

    def move(self, vectors: Vectors) -> Vectors:
        """Put the origin of [n, d] vectors there: float32 [n, d]."""
        return np.asarray(vectors - self.centre, dtype=np.float32)

    def equalise(self, vectors: Vectors) -> Vectors:
        """Move the origin of [n, d] vectors and add the coordinate that gives all the norm 1: float32 [n, d + 1].

        A vector that came later and lies outside of the sphere keeps a larger one.
        """
        moved = self.move(vectors)
        missing = np.sqrt(np.maximum(self.square - squared_norms(moved), 0.0))
        radius = np.sqrt(self.square) or 1.0
        return np.concatenate([moved / radius, missing[:, None] / radius], axis=1, dtype=np.float32)


def fit_sphere(vectors: Vectors) -> Sphere:
    """Find the sphere that float32 [n, d] vectors lie nearest to.

    The centre t and radius make |g|^2 - 2 t.g constant in the least-squares sense; it is fitted on at most 20,000
    evenly spaced vectors. Memory does not grow with n.
    """
    sample = evenly(vectors, SAMPLE).astype(np.float64)
    mean = sample.mean(axis=0)
    centred = sample - mean
    squares = (centred**2).sum(axis=1)
    scatter = centred.T @ centred
    scatter[np.diag_indices(len(scatter))] += RIDGE * max(float(np.trace(scatter)), np.finfo(np.float64).tiny)
    centre = mean + 0.5 * np.linalg.solve(scatter, centred.T @ (squares - squares.mean()))
    around = Sphere(centre, 0.0)
    return Sphere(centre, max(float(squared_norms(around.move(block)).max()) for block in blocks(vectors)))


def squared_norms(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Give the squared norms of [n, d] vectors."""
    return np.asarray(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))


def widen(vectors: Vectors, width: int) -> Vectors:
    """Fill [n, d] vectors up to `width` coordinates with zeros, as queries of what `equalise` gave need it."""
    return np.pad(vectors, ((0, 0), (0, width - vectors.shape[1])))
