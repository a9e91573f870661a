"""How rankings of the same queries are put beside each other: MAP@10, and the paired gain over one of them."""

from collections.abc import Mapping

from imgsim_assets.retrieval.average_precision import mean_average_precision
from imgsim_assets.retrieval.glrt import Floats


def judged(scores: Floats, over: Floats | None) -> dict[str, float | None]:
    """Give the columns of a table for AP@10 of queries, float64 [q].

    Args:
        scores: of the ranking.
        over: of the same queries by what it is compared with; None: with nothing.

    Returns:
        `map_at_10` with `low` and `high`, and `gain` with `gain_low` and `gain_high`, None where there is none.
    """
    mean = mean_average_precision(scores)
    columns: dict[str, float | None] = {"map_at_10": mean.value, "low": mean.low, "high": mean.high}
    if over is None:
        return columns | {"gain": None, "gain_low": None, "gain_high": None}
    gain = mean_average_precision(scores - over)
    return columns | {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high}


def judged_cells(row: Mapping[str, float | None]) -> list[str]:
    """Write what `judged` gave as three cells: MAP@10, its interval, the gain with its interval."""
    gain = "" if row["gain"] is None else f"{row['gain']:+.3f} ({row['gain_low']:+.3f} to {row['gain_high']:+.3f})"
    return [f"{row['map_at_10']:.3f}", f"{row['low']:.3f} to {row['high']:.3f}", gain]
