"""Search through any index: its candidates, more than asked for, in exact order."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST, MISSING, Ids, Index, Vectors
from imgsim_assets.retrieval.ann.rescoring import narrow, rescore
from imgsim_assets.retrieval.reciprocal import rerank

RECIPROCAL_CANDIDATES = 100
QUERIES_A_BLOCK = 256
SPARE = 4  # float32 products so near the last one wanted that their order is not sure are hardly ever more


@dataclass(frozen=True)
class Neighbours:
    """Ranked lists: int64 [q, k] rows, best first, float32 [q, k] inner products, and how many lists fell short.

    A list falls short when the index proposed fewer than k rows; it was completed by exact search.
    """

    ids: Ids
    scores: npt.NDArray[np.float32]
    short_lists: int


def join_blocks(blocks: Sequence[Neighbours]) -> Neighbours:
    """Put the answers to consecutive blocks of queries (at least one block) together."""
    return Neighbours(
        np.concatenate([block.ids for block in blocks]),
        np.concatenate([block.scores for block in blocks]),
        sum(block.short_lists for block in blocks),
    )


def search(index: Index, vectors: Vectors, queries: Vectors, k: int, *, reciprocal: bool = False) -> Neighbours:
    """Find k neighbours of each query [q, d] among `vectors` [n, d], the ones `index` was built from.

    With fewer than k vectors the lists end in -1 with score minus infinity. With `reciprocal` the candidates are
    ordered by k-reciprocal re-ranking; scores are then minus its distances, and a list that falls short stays short.
    """
    if reciprocal:
        wanted = max(RECIPROCAL_CANDIDATES, k)
        if index.effort is not None:  # it is set to find ten
            index = index.asked_with(min(index.most_effort, index.effort * wanted // LIST), index.overfetch)
        found = index.candidates(queries, min(index.size, wanted))
        ids, scores = rerank(vectors, queries, found, k)
        return Neighbours(ids, scores.astype(np.float32), int((ids[:, min(k, index.size) - 1] == MISSING).sum()))
    ids, scores = propose(index, vectors, queries, k)
    short = np.flatnonzero((ids[:, : min(k, index.size)] == MISSING).any(axis=1))
    if len(short):
        ids[short], scores[short] = exact_neighbours(vectors, queries[short], k)
    return Neighbours(ids, scores.astype(np.float32), len(short))


def search_in_blocks(
    index: Index, vectors: Vectors, queries: Vectors, k: int, library: str, *, reciprocal: bool = False
) -> Neighbours:
    """Search for many queries, block after block, and say how far it is; see `search`."""
    blocks = [slice(start, start + QUERIES_A_BLOCK) for start in range(0, len(queries), QUERIES_A_BLOCK)]
    return join_blocks(
        [
            search(index, vectors, queries[block], k, reciprocal=reciprocal)
            for block in track(blocks, f"asking {library}", unit="block")
        ]
    )


def propose(index: Index, vectors: Vectors, queries: Vectors, k: int) -> tuple[Ids, npt.NDArray[np.float64]]:
    """Put what an index proposes into exact order: int64 [q, k] rows, -1 where it proposes fewer, and their scores."""
    found = index.candidates(queries, min(index.size, k * index.overfetch + SPARE))
    return rescore(vectors, queries, narrow(vectors, queries, found, k + SPARE), k)


def timed_search(index: Index, vectors: Vectors, queries: Vectors) -> tuple[Neighbours, float]:
    """Time a whole answer in seconds, exact order included: that is what a user waits for."""
    start = perf_counter()
    found = search(index, vectors, queries, LIST)
    return found, max(perf_counter() - start, 1e-9)
