"""Small plots as PNG bytes, for the UI and for MLflow."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imgsim_assets.reporting.names import name_rows

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

INK = "#1d1d1b"
BLUE = "#2f6db3"
GREY = "#9b9b95"
COLOURS = (BLUE, "#c4662b")


def evaluation_plots(asked: "pl.DataFrame", summary: "pl.DataFrame", classes: "pl.DataFrame") -> dict[str, bytes]:
    """Draw what was measured of the ranking, by name; nothing where nothing was.

    Args:
        asked: the `average_precision` of each query that counts for the headline.
        summary: MAP@10 `value`, `low` and `high` of each `ranking` by each `source`.
        classes: `label`, `map_at_10`.
    """
    if summary.is_empty():
        return {}
    rankings = summary.filter(summary["ranking"] != "gain")
    names = [f"{one} ({by.replace('_', ' ')})" for one, by in rankings.select("ranking", "source").iter_rows()]
    return {
        "average_precision": average_precision_histogram(asked["average_precision"].to_numpy()),
        "hardest_classes": class_average_precision(dict(classes.select("label", "map_at_10").iter_rows())),
        "ranking_intervals": steps_with_intervals(
            names, rankings["value"].to_list(), rankings.select("low", "high").rows()
        ),
    }


def average_precision_histogram(average_precision: npt.NDArray[np.float64]) -> bytes:
    """Show how AP@10 is spread over the queries.

    Args:
        average_precision: AP@10 of each query, in [0, 1], `[n]`.
    """
    figure = blank_figure(5.0, 2.6)
    axes = figure.subplots()
    axes.hist(average_precision, bins=np.linspace(0, 1, 21).tolist(), color=BLUE)
    axes.set_xlabel("AP@10 of a query")
    axes.set_ylabel("queries")
    return png_bytes(figure)


def class_average_precision(means: Mapping[str, float], shown: int = 15) -> bytes:
    """Show MAP@10 of the classes that are hardest to find.

    Args:
        means: MAP@10 by class.
        shown: how many classes, worst first.
    """
    worst = sorted(means.items(), key=lambda item: (item[1], item[0]))[:shown]
    figure = blank_figure(5.0, 0.6 + 0.24 * max(len(worst), 1))
    axes = figure.subplots()
    axes.barh(range(len(worst)), [value for _, value in worst], color=BLUE)
    name_rows(axes, [name for name, _ in worst])
    axes.set_xlim(0, 1)
    axes.set_xlabel("MAP@10 of the class")
    return png_bytes(figure)


def steps_with_intervals(
    names: Sequence[str], values: Sequence[float], intervals: Sequence[tuple[float, float]]
) -> bytes:
    """Show MAP@10 of several rankings with their 95% intervals.

    Args:
        names: one per ranking.
        values: MAP@10 of each.
        intervals: (low, high) of each.
    """
    figure = blank_figure(5.0, 0.7 + 0.35 * max(len(names), 1))
    axes = figure.subplots()
    errors = [
        [value - low for value, (low, _) in zip(values, intervals, strict=True)],
        [high - value for value, (_, high) in zip(values, intervals, strict=True)],
    ]
    axes.errorbar(values, range(len(names)), xerr=errors, fmt="o", color=BLUE, ecolor=GREY, capsize=3)
    name_rows(axes, names)
    axes.set_xlim(0, 1)
    axes.set_xlabel("MAP@10, 95% interval")
    return png_bytes(figure)


def gains_with_intervals(
    names: Sequence[str],
    gains: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    verdicts: Sequence[str],
) -> bytes:
    """Show what each step of the ladder gained, with its 95% interval; steps that were not taken are grey.

    Args:
        names: one per step, from the bottom up; long ones are cut.
        gains: in MAP@10, over the recipe below.
        intervals: (low, high) of each.
        verdicts: what became of each.
    """
    figure = blank_figure(6.0, 0.7 + 0.3 * max(len(names), 1))
    axes = figure.subplots()
    for place, (gain, (low, high), verdict) in enumerate(zip(gains, intervals, verdicts, strict=True)):
        colour = BLUE if verdict in {"taken", "taken on trust", "forced on"} else GREY
        axes.errorbar([gain], [place], xerr=[[gain - low], [high - gain]], fmt="o", color=colour, capsize=3)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    name_rows(axes, names)
    axes.set_xscale("symlog", linthresh=0.02)
    axes.set_xlabel("gain in MAP@10, 95% interval")
    return png_bytes(figure)


def recall_against_speed(curves: "pl.DataFrame", names: Mapping[str, str]) -> bytes:
    """Show what each effort of each library buys; a line joins what nothing beats, a ring is on what is set.

    Args:
        curves: `library`, `recall_at_10`, `queries_per_second` with its quartiles `_low` and `_high`, `is_set`,
            `on_front`.
        names: what each library is called.
    """
    figure = blank_figure(5.0, 3.4)
    axes = figure.subplots()
    front = curves.filter("on_front").sort("recall_at_10")
    axes.plot(front["recall_at_10"], front["queries_per_second"], color=GREY, linewidth=1.0)
    for (library,), rows in curves.group_by("library", maintain_order=True):
        colour = COLOURS[list(names).index(str(library)) % len(COLOURS)]
        label = names[str(library)]
        speed = rows["queries_per_second"].to_numpy()
        quartiles = np.abs(rows.select("queries_per_second_low", "queries_per_second_high").to_numpy().T - speed)
        axes.errorbar(rows["recall_at_10"], speed, quartiles, fmt="o", color=colour, label=label, markersize=5)
        chosen = rows.filter("is_set")
        axes.plot(chosen["recall_at_10"], chosen["queries_per_second"], "o", color=INK, fillstyle="none", markersize=10)
    axes.set_yscale("log")
    axes.set_xlabel("recall@10 against exact search")
    axes.set_ylabel("queries a second")
    axes.legend(frameon=False, fontsize=8)
    return png_bytes(figure)


def blank_figure(width: float, height: float) -> "Figure":
    """Begin a plot of so many inches."""
    from matplotlib.figure import Figure

    # Without pyplot there is no global state, no display and no leak.
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    figure.set_facecolor("white")
    return figure


def png_bytes(figure: "Figure") -> bytes:
    """Finish a plot, in the common style."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK, labelsize=8)
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")  # a box is drawn, and nobody can mend it here
        figure.savefig(buffer, format="png", metadata={"Software": ""})
    return buffer.getvalue()
