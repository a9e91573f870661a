"""One row per library: how well and how fast it serves the ranking, and how far the libraries agree."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from imgsim_assets.retrieval.agreement import overlap, rank_correlation
from imgsim_assets.retrieval.ann.build import stands_in
from imgsim_assets.retrieval.ann.growth import seconds_to_add
from imgsim_assets.retrieval.ann.protocol import LIST, NAMES, Index, Vectors
from imgsim_assets.retrieval.ann.resident import resident_bytes
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.effort import effort_curves
from imgsim_assets.retrieval.glrt import Floats
from imgsim_assets.retrieval.turns import Spread, time_in_turns

QUERIES = 1000
TIMED_ALONE = 200
SECONDS_ALONE = 2.5
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


def contender(
    library: str, index: Index, file: Path, vectors: Vectors, queries: Vectors, *, build_seconds: float
) -> Contender:
    """Measure what an index costs beside the time that building it took.

    Args:
        library: whose it is.
        index: loaded from `file`.
        file: on disk.
        vectors: float32 [n, d], what it holds.
        queries: float32 [q, d], some of which are asked.
        build_seconds: of its build.
    """
    return Contender(
        library,
        index,
        build_seconds=build_seconds,
        add_seconds=seconds_to_add(file, vectors) if library == "faiss" else build_seconds,
        stored_bytes=file.stat().st_size,
        resident_bytes=resident_bytes(index.kind, file, index.effort, evenly(queries, QUERIES)),
    )


def names_of(contenders: Sequence[Contender]) -> dict[str, str]:
    """Say what each library is called; an index that stands in for Annoy's is not called Annoy."""
    replaced = [one.library for one in contenders if stands_in(one.library, one.index.kind)]
    return NAMES | {library: f"FAISS in {NAMES[library]}'s place" for library in replaced}


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


def with_scores(table: pl.DataFrame, served: Sequence[pl.DataFrame], ideal: pl.DataFrame) -> pl.DataFrame:
    """Add MAP@10 to a comparison, `map_at_10`, and what each library loses of what is possible, `map_at_10_lost`.

    Args:
        table: a row for each library.
        served: what `score_ranked_names` gave for each.
        ideal: what it gave for the ranking that no index has narrowed.
    """
    best, means = _map_at_10(ideal), [_map_at_10(one) for one in served]
    lost = [None if mean is None or best is None else best - mean for mean in means]
    return table.with_columns(
        pl.Series("map_at_10", means, dtype=pl.Float64), pl.Series("map_at_10_lost", lost, dtype=pl.Float64)
    )


def as_metrics(table: pl.DataFrame) -> dict[str, float]:
    """Name each measurement of each library; those that are not known are left out."""
    return {
        f"{row['library']}_{name}": float(value)
        for row in table.iter_rows(named=True)
        for name, value in row.items()
        if name != "library" and value is not None
    }


def _map_at_10(scores: pl.DataFrame) -> float | None:
    mean = scores["average_precision"].mean()
    return mean if isinstance(mean, float) else None
