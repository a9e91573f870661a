"""Plots that the pages of benchmarks show, as PNG bytes."""

from collections.abc import Mapping, Sequence

import numpy as np

from imgsim_assets.reporting.names import name_rows
from imgsim_assets.reporting.plots import BLUE, GREY, blank_figure, png_bytes

MARKERS = "osD^vP*X<>"
LEAST_MISSED = 5e-4


def recall_curves(curves: Mapping[str, Sequence[tuple[float, float]]]) -> bytes:
    """Show many libraries: a line each through its points of recall@10 and queries a second.

    The axis of recall is logarithmic in what is missed, so that 0.99 and 0.999 are as far apart as 0.9 and 0.99.
    """
    figure = blank_figure(7.0, 4.6)
    axes = figure.subplots()
    for place, (name, points) in enumerate(curves.items()):
        missed = [max(1.0 - recall, LEAST_MISSED) for recall, _ in points]
        marker = MARKERS[place % len(MARKERS)]
        axes.plot(missed, [speed for _, speed in points], marker=marker, markersize=4, linewidth=1.2, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.5, LEAST_MISSED / 1.2)
    axes.set_xticks([1.0 - recall for recall in (0.5, 0.9, 0.95, 0.99, 0.999)], ["0.5", "0.9", "0.95", "0.99", "0.999"])
    axes.set_xticks([], minor=True)
    axes.grid(visible=True, color=GREY, alpha=0.3, linewidth=0.5)
    axes.set_xlabel("recall@10 against exact search")
    axes.set_ylabel("queries a second")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return png_bytes(figure)


def stacked_bars(bars: Mapping[str, Sequence[float]], parts: Sequence[str], unit: str) -> bytes:
    """Show what several wholes are made of: a bar each, of one colour a part.

    Args:
        bars: the parts' sizes, by the name of the whole.
        parts: what the parts are called.
        unit: of the sizes.
    """
    figure = blank_figure(7.0, 0.6 + 0.3 * len(bars))
    axes = figure.subplots()
    start = np.zeros(len(bars))
    for place, part in enumerate(parts):
        sizes = np.array([bar[place] for bar in bars.values()])
        axes.barh(range(len(bars)), sizes, left=start, label=part, color=(BLUE, "#c4662b", GREY)[place])
        start += sizes
    name_rows(axes, list(bars))
    axes.set_xlabel(unit)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return png_bytes(figure)
