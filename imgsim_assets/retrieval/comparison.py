"""One row per library: how well and how fast it serves the ranking, and how far the libraries agree."""

import functools
from dataclasses import dataclass

import numpy as np
import polars as pl

from imgsim_assets.retrieval.agreement import overlap, rank_correlation
from imgsim_assets.retrieval.ann.protocol import LIST, Index, Vectors
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.effort import effort_curves
from imgsim_assets.retrieval.glrt import Floats
from imgsim_assets.retrieval.turns import Spread, time_in_turns

QUERIES = 1000
TIMED_ALONE = 200
SECONDS_ALONE = 5.0
MILLISECONDS = 1000.0
OF_CURVES = ("recall_at_10", "queries_per_second", "queries_per_second_low", "queries_per_second_high", "rounds")


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


def compare_indices(
    contenders: list[Contender], vectors: Vectors, queries: Vectors
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Measure each index on the given queries, or on a thousand of them, evenly spaced.

    Args:
        contenders: one or more.
        vectors: float32 [n, d], what the indices hold.
        queries: float32 [q, d], q >= 1.

    Returns:
        One row per library: `library`, `queries` that asked, `recall_at_10` against exact search, by score,
        `overlap_at_10` and `rank_correlation` with the first contender of another name (null with one contender),
        `short_lists`, `p50_ms` of single queries (the median of the rounds, with its quartiles `_low` and `_high`),
        `p95_ms`, `p99_ms`, `queries_per_second` in one batch (so too) in so many `rounds`, `build_seconds`,
        `add_seconds`, `stored_bytes`, `resident_bytes`. And what `effort_curves` gives, from the same measurement: what
        is set has the same numbers in both.
    """
    queries = evenly(queries, QUERIES)
    curves = effort_curves({one.library: one.index for one in contenders}, vectors, queries)
    alone = _alone([one.index for one in contenders], vectors, evenly(queries, TIMED_ALONE))
    lists = {one.library: search(one.index, vectors, queries, LIST) for one in contenders}
    rows = []
    for one, lasted in zip(contenders, alone, strict=True):
        other = next((name for name in lists if name != one.library), None)
        found = lists[one.library]
        measured = curves.filter("is_set", library=one.library).row(0, named=True)
        rows.append(
            {
                "library": one.library,
                "queries": len(queries),
                "overlap_at_10": None if other is None else float(overlap(found.ids, lists[other].ids).mean()),
                "rank_correlation": None if other is None else _mean(rank_correlation(found.ids, lists[other].ids)),
                "short_lists": found.short_lists,
                **lasted,
                **{name: measured[name] for name in OF_CURVES},
                "build_seconds": one.build_seconds,
                "add_seconds": one.add_seconds,
                "stored_bytes": one.stored_bytes,
                "resident_bytes": one.resident_bytes,
            }
        )
    return pl.DataFrame(rows), curves


def _mean(values: Floats) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _alone(indices: list[Index], vectors: Vectors, queries: Vectors) -> list[dict[str, float]]:
    """Give, for each index, the milliseconds that one query takes; the indices take turns at each query."""
    ways = [
        functools.partial(search, index, vectors, queries[row : row + 1], LIST)
        for row in range(len(queries))
        for index in indices
    ]
    lasted = time_in_turns(ways, SECONDS_ALONE).reshape(-1, len(queries), len(indices)) * MILLISECONDS
    return [_percentiles(lasted[:, :, place]) for place in range(len(indices))]


def _percentiles(lasted: Floats) -> dict[str, float]:
    """Sum up milliseconds [rounds, queries]."""
    middle = Spread.of(np.median(lasted, axis=1))
    p95, p99 = np.percentile(lasted, [95, 99])
    return {
        "p50_ms": middle.middle,
        "p50_ms_low": middle.low,
        "p50_ms_high": middle.high,
        "p95_ms": float(p95),
        "p99_ms": float(p99),
    }
