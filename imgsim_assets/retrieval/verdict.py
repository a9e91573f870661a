"""Which library to take, in one paragraph made from what was measured."""

import polars as pl

from imgsim_assets.retrieval.effort import fastest

SAME_RECALL = 0.005
SAME_SPEED = 1.1
RECALLS = (0.95, 0.99)


def verdict(comparison: pl.DataFrame, curves: pl.DataFrame, names: dict[str, str]) -> str:
    """Compare two libraries in words.

    The one to take answers more queries a second; unless its recall is lower by more than half a point, then the other.

    Args:
        comparison: what `compare_indices` gave for two libraries, and `map_at_10` (null: no hidden labels).
        curves: what `effort_curves` gave for the same.
        names: what each library is called.
    """
    one, other = comparison.sort("queries_per_second", descending=True).iter_rows(named=True)
    taken, left = (other, one) if other["recall_at_10"] > one["recall_at_10"] + SAME_RECALL else (one, other)
    name, rival = names[taken["library"]], names[left["library"]]
    return " ".join(
        [
            f"Take {name}.",
            f"Of what exact search finds, it finds {taken['recall_at_10']:.1%} and {rival} {left['recall_at_10']:.1%};"
            f" their lists share {taken['overlap_at_10']:.1%}{_scores(taken, left)}.",
            f"As they are set, {name} answers {_times(taken, left, 'queries_per_second')} as many queries a second in"
            f" batches, takes {_times(taken, left, 'p50_ms')} as long for one alone (median),"
            f" {_times(taken, left, 'build_seconds')} as long to build, {_times(taken, left, 'add_seconds')} as long to"
            f" take in one more photo to each hundred, and {_times(taken, left, 'stored_bytes')} as much room on disk.",
            *(_at(recall, curves, names) for recall in RECALLS),
        ]
    )


def _times(one: dict[str, float], other: dict[str, float], measure: str) -> str:
    return f"{one[measure] / other[measure]:.2g} times"


def _scores(one: dict[str, float | None], other: dict[str, float | None]) -> str:
    first, second = one["map_at_10"], other["map_at_10"]
    if first is None or second is None:
        return ""
    return f", and MAP@10 is {first:.4f} against {second:.4f}"


def _at(recall: float, curves: pl.DataFrame, names: dict[str, str]) -> str:
    """Say which is the fastest that reaches a recall, and with what effort."""
    best = fastest(curves, recall).rows(named=True)
    called = [names[row["library"]] + (f" (effort {row['effort']:,})" if row["effort"] else "") for row in best]
    if not best:
        return f"Neither reaches a recall of {recall}."
    if len(best) == 1:
        return f"Only {called[0]} reaches a recall of {recall}."
    ratio = best[0]["queries_per_second"] / best[1]["queries_per_second"]
    faster = "as fast as" if ratio < SAME_SPEED else f"{ratio:.2g} times as fast as"
    return f"With the least effort that reaches a recall of {recall}, {called[0]} is {faster} {called[1]}."
