"""The plots are readable PNG files, the same bytes for the same numbers."""

import io

import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgsim_assets.reporting import plots

CURVES = pl.DataFrame(
    [("faiss", 1.0, 900.0, True, True), ("annoy", 0.9, 2000.0, False, True), ("annoy", 0.99, 500.0, True, False)],
    schema=["library", "recall_at_10", "queries_per_second", "is_set", "on_front"],
    orient="row",
).with_columns(
    queries_per_second_low=0.9 * pl.col("queries_per_second"),
    queries_per_second_high=1.2 * pl.col("queries_per_second"),
)
PLOTS = {
    "curves": lambda: plots.recall_against_speed(CURVES, {"faiss": "FAISS", "annoy": "Annoy"}),
    "histogram": lambda: plots.average_precision_histogram(np.array([0.0, 0.5, 1.0])),
    "no queries": lambda: plots.average_precision_histogram(np.empty(0)),
    "classes": lambda: plots.class_average_precision({f"class {number}": number / 30 for number in range(30)}),
    "no classes": lambda: plots.class_average_precision({}),
    "intervals": lambda: plots.steps_with_intervals(["cosine", "GLRT"], [0.7, 0.9], [(0.68, 0.72), (0.88, 0.92)]),
}


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS.keys())
def test_a_plot_is_a_png_and_repeatable(draw):
    first = draw()
    assert draw() == first
    with Image.open(io.BytesIO(first)) as image:
        assert image.format == "PNG"
        assert len(image.convert("L").getcolors(1 << 20)) > 2


def test_the_worst_classes_come_first_and_the_rest_is_left_out():
    few = plots.class_average_precision({f"{number}": number / 30 for number in range(30)}, shown=5)
    many = plots.class_average_precision({f"{number}": number / 30 for number in range(30)}, shown=15)
    with Image.open(io.BytesIO(few)) as small, Image.open(io.BytesIO(many)) as large:
        assert small.height < large.height
