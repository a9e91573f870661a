"""Vectors that are equal to the last bit are held once: an index over the distinct ones, and what stands for what.

Hundreds of copies of one picture (a placeholder, say) are one point to a tree or a graph, which cannot split it, and
fill each list of candidates before another photo has its turn.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.protocol import MISSING, Ids, Index, Vectors
from imgsim_assets.retrieval.ann.rescoring import rescore
from imgsim_assets.retrieval.ann.rows import BLOCK, blocks

SEED = 0  # of the weights that a vector's key is made with; keys only propose, what shares one is compared


@dataclass(frozen=True)
class Copies:
    """Which of n rows are equal.

    `first` int64 [m] is the first row of each distinct vector, rising; `number` int64 [n] says which of those a row is.
    """

    first: Ids
    number: Ids

    @classmethod
    def among(cls, vectors: Vectors) -> "Copies":
        """Find those among float32 [n, d] vectors, n >= 1, mapped from a file perhaps."""
        keys = np.concatenate([_keys(block) for block in blocks(vectors)])
        _, first, of_key = np.unique(keys, return_index=True, return_inverse=True)
        leaders = first[of_key]
        repeated = np.flatnonzero(leaders != np.arange(len(keys)))
        for rows in blocks(repeated):
            same = (_bits(vectors[rows]) == _bits(vectors[leaders[rows]])).all(axis=1)
            leaders[rows[~same]] = rows[~same]
        first, number = np.unique(leaders, return_inverse=True)
        return cls(first.astype(np.int64), number.astype(np.int64))

    @property
    def present(self) -> bool:
        """Whether any row is equal to another."""
        return len(self.first) < len(self.number)

    def distinct(self, vectors: Vectors) -> Vectors:
        """Give each distinct vector of [n, d] once: float32 [m, d], the same array where no row is equal to another.

        They are in a file of their own that goes with the array: they need not fit in memory.
        """
        if not self.present:
            return vectors
        with tempfile.TemporaryFile() as file:
            taken = np.memmap(file, np.float32, "w+", shape=(len(self.first), vectors.shape[1]))
        for start in range(0, len(self.first), BLOCK):
            taken[start : start + BLOCK] = vectors[self.first[start : start + BLOCK]]
        return taken


@dataclass(frozen=True)
class SharedIndex:
    """An index over all rows of `vectors` float32 [n, d], whose `inner` one holds each distinct vector once."""

    inner: Index
    vectors: Vectors
    copies: Copies
    ordered: Ids  # int64 [n]: the rows, those of a distinct vector together
    starts: Ids  # int64 [m]: where those of each begin

    @property
    def size(self) -> int:
        """Number of rows, where `inner` holds as many vectors as there are distinct ones."""
        return len(self.vectors) + self.inner.size - len(self.copies.first)

    @property
    def dimension(self) -> int:
        """Dimensions of a vector."""
        return self.inner.dimension

    @property
    def kind(self) -> str:
        """That of the inner one."""
        return self.inner.kind

    @property
    def overfetch(self) -> int:
        """That of the inner one."""
        return self.inner.overfetch

    @property
    def effort(self) -> int | None:
        """That of the inner one."""
        return self.inner.effort

    @property
    def least_effort(self) -> int:
        """That of the inner one."""
        return self.inner.least_effort

    @property
    def most_effort(self) -> int:
        """That of the inner one."""
        return self.inner.most_effort

    def asked_with(self, effort: int, overfetch: int) -> "SharedIndex":
        """Give the same index, asked with another effort and overfetch."""
        return replace(self, inner=self.inner.asked_with(effort, overfetch))

    def save(self, path: Path) -> None:
        """Write the inner one."""
        self.inner.save(path)

    def candidates(self, queries: Vectors, count: int) -> Ids:
        """Propose the rows of the distinct vectors that the inner one proposes, the best `count` of them."""
        found = self.inner.candidates(queries, min(count, self.inner.size))
        leaders = np.where(found == MISSING, MISSING, self.copies.first[found])
        # In exact order first: the copies of one that is not the best would leave no room for one that is better.
        best, scores = rescore(self.vectors, queries, leaders, leaders.shape[1])
        asked, place = np.nonzero(best != MISSING)
        number = self.copies.number[best[asked, place]]
        sizes = np.minimum(np.diff(self.starts, append=len(self.ordered))[number], count)
        entry = np.repeat(np.arange(len(number)), sizes)
        nth = np.arange(len(entry)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = self.ordered[self.starts[number][entry] + nth]
        return _best(asked[entry], rows, scores[asked, place][entry], (len(queries), count))


def share(index: Index, vectors: Vectors, copies: Copies) -> Index:
    """Let an index over the distinct ones of `vectors` [n, d] answer for all of them."""
    if not copies.present:
        return index
    ordered = np.argsort(copies.number, kind="stable")
    starts = np.searchsorted(copies.number[ordered], np.arange(len(copies.first)))
    return SharedIndex(index, vectors, copies, ordered.astype(np.int64), starts.astype(np.int64))


def vectors_held(index: Index) -> int:
    """Say how many vectors an index holds: fewer than it answers for where some are equal."""
    return index.inner.size if isinstance(index, SharedIndex) else index.size


def _best(asked: Ids, rows: Ids, scores: npt.NDArray[np.float64], shape: tuple[int, int]) -> Ids:
    """Lay out, for each query, the rows of largest score, ties by row, as far as they fit: int64 `shape`."""
    order = np.lexsort((rows, -scores, asked))
    asked, rows = asked[order], rows[order]
    nth = np.arange(len(asked)) - np.searchsorted(asked, asked)
    fitting = nth < shape[1]
    laid_out = np.full(shape, MISSING, dtype=np.int64)
    laid_out[asked[fitting], nth[fitting]] = rows[fitting]
    return laid_out


def _bits(vectors: Vectors) -> npt.NDArray[np.uint32]:
    return np.ascontiguousarray(vectors, dtype=np.float32).view(np.uint32)


def _keys(vectors: Vectors) -> npt.NDArray[np.uint64]:
    """Give each of [n, d] vectors a number, uint64 [n], that equal ones share and others hardly ever."""
    weights = np.random.default_rng(SEED).integers(1, 2**63, vectors.shape[1], dtype=np.uint64)
    return np.asarray(np.einsum("nd,d->n", _bits(vectors), weights, dtype=np.uint64))
