"""Exact search by brute force, in bounded memory: the oracle of every index."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.protocol import Ids, Vectors
from imgsim_assets.retrieval.ann.rescoring import rescore

BLOCK_SCORES = 16_000_000
BLOCK_PICKED = 4_000_000  # products whose largest are sought, by int64 numbers of rows
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
    def kind(self) -> str:
        """`exact`."""
        return "exact"

    @property
    def overfetch(self) -> int:
        """No more than are wanted: they are the right ones."""
        return 1

    @property
    def effort(self) -> int | None:
        """None: every vector is compared."""
        return None

    @property
    def least_effort(self) -> int:
        """All vectors."""
        return self.size

    @property
    def most_effort(self) -> int:
        """All vectors."""
        return self.size

    def asked_with(self, effort: int, overfetch: int) -> "ExactIndex":  # noqa: ARG002  there is none to set
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

    A matrix product picks somewhat more than k rows, exact scores order them. It is NumPy's: FAISS's brute force takes
    twice the time with 200 dimensions and four times with thousands, since the BLAS in its wheel is the slower one.
    Where rounding could have kept a row out (many equal vectors, say), all rows within the rounding error are compared.
    So the answer depends neither on threads nor on how the product is computed.

    Args:
        vectors: float32 [n, d].
        queries: float32 [q, d].
        k: neighbours wanted; with fewer vectors the lists end in -1.

    Returns:
        int64 [q, k] rows, best first, and float32 [q, k] scores.
    """
    size = len(vectors)
    picked = min(size, 2 * k + SPARE)
    rough, found = _roughly(vectors, queries, picked)
    ids, scores = rescore(vectors, queries, found, k)
    if picked < size:
        reach = _largest_norm(vectors)
        bar = scores[:, -1] - FLOAT32_ERROR * reach * np.linalg.norm(queries, axis=1)
        for row, possible in _all_above(vectors, queries, bar, np.flatnonzero(rough[:, -1] >= bar)):
            ids[row], scores[row] = (part[0] for part in rescore(vectors, queries[row : row + 1], possible, k))
    return ids, scores.astype(np.float32)


def _largest_norm(vectors: Vectors) -> float:
    import faiss

    known = np.ascontiguousarray(vectors, np.float32)
    squares = np.empty(len(known), np.float32)
    faiss.fvec_norms_L2sqr(*(faiss.swig_ptr(array) for array in (squares, known)), known.shape[1], len(known))  # type: ignore[attr-defined]
    return float(np.sqrt(squares.max(initial=0.0)))


def _roughly(vectors: Vectors, queries: Vectors, count: int) -> tuple[npt.NDArray[np.float32], Ids]:
    """Pick the rows of largest float32 inner product: falling products [q, count] and their rows."""
    products, rows = np.empty((len(queries), count), np.float32), np.empty((len(queries), count), np.int64)
    if not len(vectors):
        return products, rows
    block = max(1, BLOCK_PICKED // len(vectors))
    for start in range(0, len(queries), block):
        part = slice(start, start + block)
        all_products = queries[part] @ vectors.T
        first = len(vectors) - count
        picked = np.argpartition(all_products, first, axis=1)[:, first:]
        found = np.take_along_axis(all_products, picked, axis=1)
        order = np.argsort(-found, axis=1)
        products[part] = np.take_along_axis(found, order, axis=1)
        rows[part] = np.take_along_axis(picked, order, axis=1)
    return products, rows


def _all_above(
    vectors: Vectors, queries: Vectors, bar: npt.NDArray[np.float64], asked: Ids
) -> Iterator[tuple[int, Ids]]:
    """Give, for the queries `asked` (rows), all rows of `vectors` whose float32 product reaches the query's bar."""
    block = max(1, BLOCK_SCORES // len(vectors))
    for start in range(0, len(asked), block):
        rows = asked[start : start + block]
        rough = queries[rows] @ vectors.T
        for row, products in zip(rows.tolist(), rough, strict=True):
            yield row, np.flatnonzero(products >= bar[row])[None, :]
