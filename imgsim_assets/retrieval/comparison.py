"""One row per library: how well and how fast it serves the ranking, and how far the libraries agree."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
import polars as pl

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import MISSING, Index, Vectors
from imgsim_assets.retrieval.ann.search import Neighbours, search
from imgsim_assets.retrieval.glrt import Floats, Ints

LIST = 10
QUERIES = 1000
TIMED_ALONE = 200
MILLISECONDS = 1000.0


@dataclass(frozen=True)
class Contender:
    """A library's index with what building it cost."""

    library: str
    index: Index
    build_seconds: float
    stored_bytes: int


def compare_indices(contenders: list[Contender], vectors: Vectors, queries: Vectors) -> pl.DataFrame:
    """Measure each index on the given queries, or on a thousand of them, evenly spaced.

    Args:
        contenders: one or more.
        vectors: float32 [n, d], what the indices hold.
        queries: float32 [q, d], q >= 1.

    Returns:
        One row per library: `library`, `recall_at_10` against exact search, `overlap_at_10` and
        `rank_correlation` with the first contender of another name (null with one contender),
        `short_lists`, `p50_ms`, `p95_ms`, `p99_ms` of single queries, `queries_per_second` in one batch,
        `build_seconds`, `stored_bytes`.
    """
    queries = queries[np.unique(np.linspace(0, len(queries) - 1, min(QUERIES, len(queries))).astype(np.int64))]
    exact, _ = exact_neighbours(vectors, queries, LIST)
    alone = {one.library: _alone(one.index, vectors, queries[:TIMED_ALONE]) for one in contenders}
    timed = {one.library: _timed(one.index, vectors, queries) for one in contenders}
    found = {library: lists for library, (lists, _) in timed.items()}
    rows = []
    for one in contenders:
        other = next((name for name in found if name != one.library), None)
        lists = found[one.library]
        rows.append(
            {
                "library": one.library,
                "recall_at_10": float(overlap(lists.ids, exact).mean()),
                "overlap_at_10": None if other is None else float(overlap(lists.ids, found[other].ids).mean()),
                "rank_correlation": None if other is None else _mean(rank_correlation(lists.ids, found[other].ids)),
                "short_lists": lists.short_lists,
                **alone[one.library],
                "queries_per_second": len(queries) / timed[one.library][1],
                "build_seconds": one.build_seconds,
                "stored_bytes": one.stored_bytes,
            }
        )
    return pl.DataFrame(rows)


def overlap(left: Ints, right: Ints) -> Floats:
    """Share of the photos of `right` that `left` lists too, per query: int [q, k] twice, float64 [q]; -1 is none."""
    present = right != MISSING
    shared = (right[:, :, None] == left[:, None, :]).any(axis=2) & present
    return np.asarray(shared.sum(axis=1) / np.maximum(present.sum(axis=1), 1))


def rank_correlation(left: Ints, right: Ints) -> Floats:
    """Spearman's correlation of the ranks of the photos that both lists hold: float64 [q].

    NaN where they share fewer than two.
    """
    from scipy.stats import rankdata

    correlations = np.full(len(left), np.nan)
    for query, (one, other) in enumerate(zip(left, right, strict=True)):
        shared, here, there = np.intersect1d(one, other, return_indices=True)
        here, there = here[shared != MISSING], there[shared != MISSING]
        if len(here) > 1:
            correlations[query] = float(np.corrcoef(rankdata(here), rankdata(there))[0, 1])
    return correlations


def _mean(values: Floats) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _alone(index: Index, vectors: Vectors, queries: Vectors) -> dict[str, float]:
    """Give percentiles of the milliseconds that one query takes."""
    seconds = [_timed(index, vectors, queries[row : row + 1])[1] for row in range(len(queries))]
    p50, p95, p99 = np.percentile(np.array(seconds) * MILLISECONDS, [50, 95, 99])
    return {"p50_ms": float(p50), "p95_ms": float(p95), "p99_ms": float(p99)}


def _timed(index: Index, vectors: Vectors, queries: Vectors) -> tuple[Neighbours, float]:
    """Time a whole answer, exact order included: that is what a user waits for."""
    start = perf_counter()
    found = search(index, vectors, queries, LIST)
    return found, max(perf_counter() - start, 1e-9)
