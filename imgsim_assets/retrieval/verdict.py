"""Which library to take, in one paragraph made from what was measured; no verdict where that does not tell."""

from typing import Any

import polars as pl

from imgsim_assets.retrieval.effort import fastest

SAME_RECALL = 0.005
SAME = 1.1  # two measurements of a smaller ratio do not differ
LEAST_QUERIES = 30
RECALLS = (0.95, 0.99)

Row = dict[str, Any]


def verdict(comparison: pl.DataFrame, curves: pl.DataFrame, names: dict[str, str]) -> str:
    """Compare two libraries in words.

    The one to take finds more, by more than half a point of recall; where both find the same, it answers more queries a
    second. Speeds differ where the quartiles of their rounds lie apart, and the medians by a tenth.

    Args:
        comparison: the first table of `compare_indices` for two libraries, and `map_at_10` (null: no hidden labels).
        curves: the second.
        names: what each library is called.
    """
    rows = comparison.rows(named=True)
    taken = _taken(rows)
    one, other = taken or rows
    if one["queries"] < LEAST_QUERIES:
        few = f"No verdict: {one['queries']} photos asked, and fewer than {LEAST_QUERIES} do not tell."
        return f"{few} {_found(one, other, names)}"
    words = f"Take {names[one['library']]}." if taken else "Take either: they find as much, and about as fast."
    return " ".join(
        [
            words,
            _found(one, other, names),
            _speeds(one, other, names),
            *(_at(recall, curves, names) for recall in RECALLS),
        ]
    )


def _taken(rows: list[Row]) -> tuple[Row, Row] | None:
    """Give the one to take, and the other; None: nothing speaks for one of them."""
    ordered = [(rows[0], rows[1]), (rows[1], rows[0])]
    better = [pair for pair in ordered if pair[0]["recall_at_10"] > pair[1]["recall_at_10"] + SAME_RECALL]
    faster = [pair for pair in ordered if _larger(*pair, "queries_per_second")]
    return next(iter(better or faster), None)


def _larger(one: Row, other: Row, measure: str) -> bool:
    apart = one[f"{measure}_low"] > other[f"{measure}_high"]
    return bool(apart and one[measure] >= SAME * other[measure])


def _found(one: Row, other: Row, names: dict[str, str]) -> str:
    first, second = one["map_at_10"], other["map_at_10"]
    scores = "" if first is None or second is None else f", and MAP@10 is {first:.4f} against {second:.4f}"
    return (
        f"Of what exact search finds, {names[one['library']]} finds {one['recall_at_10']:.1%} and"
        f" {names[other['library']]} {other['recall_at_10']:.1%}; their lists share {one['overlap_at_10']:.1%}{scores}."
    )


def _speeds(one: Row, other: Row, names: dict[str, str]) -> str:
    answers = _measured(one, other, "queries_per_second", "many")
    return (
        f"As they are set, {names[one['library']]} answers {answers} queries a second in batches as"
        f" {names[other['library']]}, and takes {_measured(one, other, 'p50_ms', 'long')} for one alone"
        f" (medians of {one['rounds']} rounds, in turns). Timed once, it takes"
        f" {_times(one, other, 'build_seconds', 'long')} to build, {_times(one, other, 'add_seconds', 'long')} to take"
        f" in one more photo to each hundred, and {_times(one, other, 'stored_bytes', 'much')} room on disk."
    )


def _measured(one: Row, other: Row, measure: str, amount: str) -> str:
    """Say how often as `amount` (many, long), where the rounds show a difference."""
    differ = _larger(one, other, measure) or _larger(other, one, measure)
    return _times(one, other, measure, amount) if differ else f"about as {amount}"


def _times(one: Row, other: Row, measure: str, amount: str) -> str:
    return f"{one[measure] / other[measure]:.2g} times as {amount}"


def _at(recall: float, curves: pl.DataFrame, names: dict[str, str]) -> str:
    """Say which is the fastest that reaches a recall, and with what effort."""
    best = fastest(curves, recall).rows(named=True)
    called = [names[row["library"]] + (f" (effort {row['effort']:,})" if row["effort"] else "") for row in best]
    if not best:
        return f"Neither reaches a recall of {recall}."
    if len(best) == 1:
        return f"Only {called[0]} reaches a recall of {recall}."
    differ = _larger(best[0], best[1], "queries_per_second")
    faster = _times(best[0], best[1], "queries_per_second", "fast") if differ else "about as fast"
    return f"As is fastest at a recall of {recall}, {called[0]} is {faster} as {called[1]}."
