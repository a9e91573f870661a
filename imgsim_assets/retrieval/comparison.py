"""One row per library: how well and how fast it serves the ranking, and how far the libraries agree."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from imgsim_assets.retrieval.agreement import overlap, rank_correlation
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST, Index, Vectors
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.ann.search import timed_search
from imgsim_assets.retrieval.glrt import Floats

QUERIES = 1000
TIMED_ALONE = 200
MILLISECONDS = 1000.0


@dataclass(frozen=True)
class Contender:
    """A library's index with what it costs.

    `add_seconds` is for one more vector to each hundred; a library that cannot add builds anew. `resident_bytes` is
    what comes into memory when the index answers (null: not known).
    """

    library: str
    index: Index
    build_seconds: float
    add_seconds: float
    stored_bytes: int
    resident_bytes: int | None


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
        `build_seconds`, `add_seconds`, `stored_bytes`, `resident_bytes`.
    """
    queries = evenly(queries, QUERIES)
    exact, _ = exact_neighbours(vectors, queries, LIST)
    alone = {one.library: _alone(one.index, vectors, queries[:TIMED_ALONE]) for one in contenders}
    timed = {one.library: timed_search(one.index, vectors, queries) for one in contenders}
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
                "add_seconds": one.add_seconds,
                "stored_bytes": one.stored_bytes,
                "resident_bytes": one.resident_bytes,
            }
        )
    return pl.DataFrame(rows)


def _mean(values: Floats) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _alone(index: Index, vectors: Vectors, queries: Vectors) -> dict[str, float]:
    """Give percentiles of the milliseconds that one query takes."""
    seconds = [timed_search(index, vectors, queries[row : row + 1])[1] for row in range(len(queries))]
    p50, p95, p99 = np.percentile(np.array(seconds) * MILLISECONDS, [50, 95, 99])
    return {"p50_ms": float(p50), "p95_ms": float(p95), "p99_ms": float(p99)}
