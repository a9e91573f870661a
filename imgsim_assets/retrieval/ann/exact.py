"""Exact search by brute force, in blocks of bounded memory: the oracle of every index."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.protocol import CANDIDATES, Ids, Vectors
from imgsim_assets.retrieval.ann.rescoring import rescore

BLOCK_SCORES = 16_000_000
SPARE = 16
FLOAT32_ERROR = 4e-6


@dataclass(frozen=True)
class ExactIndex:
    """The vectors themselves."""

    vectors: Vectors

    @property
    def size(self) -> int:
        """Number of vectors."""
        return len(self.vectors)

    @property
    def dimension(self) -> int:
        """Dimensions of a vector."""
        return int(self.vectors.shape[1])

    @property
    def overfetch(self) -> int:
        """Somewhat more than are wanted."""
        return CANDIDATES

    @property
    def effort(self) -> int | None:
        """None: every vector is compared."""
        return None

    def with_effort(self, effort: int) -> "ExactIndex":  # noqa: ARG002  there is none to set
        """Give itself."""
        return self

    def save(self, path: Path) -> None:
        """Write the vectors as `.npy`."""
        with path.open("wb") as file:
            np.save(file, self.vectors, allow_pickle=False)

    def candidates(self, queries: Vectors, count: int) -> Ids:
        """Give the exact neighbours."""
        return exact_neighbours(self.vectors, queries, min(count, self.size))[0]


def exact_neighbours(vectors: Vectors, queries: Vectors, k: int) -> tuple[Ids, npt.NDArray[np.float32]]:
    """Find the k rows of largest inner product for each query, ties by row number.

    A matrix product picks somewhat more than k rows, exact scores order them. Where rounding could have
    kept a row out (many equal vectors, say), all rows within the rounding error are compared exactly.

    Args:
        vectors: float32 [n, d].
        queries: float32 [q, d].
        k: neighbours wanted; with fewer vectors the lists end in -1.

    Returns:
        int64 [q, k] rows, best first, and float32 [q, k] scores.
    """
    size = len(vectors)
    picked = min(size, 2 * k + SPARE)
    ids = np.empty((len(queries), k), dtype=np.int64)
    scores = np.empty((len(queries), k))
    reach = float(np.linalg.norm(vectors, axis=1).max(initial=0.0))
    rows = max(1, BLOCK_SCORES // max(1, size))
    for start in range(0, len(queries), rows):
        block = slice(start, start + rows)
        rough = queries[block] @ vectors.T
        found = np.argpartition(-rough, picked - 1, axis=1)[:, :picked].astype(np.int64)
        ids[block], scores[block] = rescore(vectors, queries[block], found, k)
        if picked == size:
            continue
        last = np.take_along_axis(rough, found, axis=1).min(axis=1)
        error = FLOAT32_ERROR * reach * np.linalg.norm(queries[block], axis=1)
        bar = scores[block][:, -1] - error
        for place in np.flatnonzero(last >= bar):
            row, possible = start + place, np.flatnonzero(rough[place] >= bar[place])[None, :]
            ids[row], scores[row] = (part[0] for part in rescore(vectors, queries[row : row + 1], possible, k))
    return ids, scores.astype(np.float32)
