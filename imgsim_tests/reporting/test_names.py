"""Any name is drawn as it is: no formula, no exception, and no word on the console."""

import io
import logging
import warnings

import matplotlib.text
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgsim_assets.reporting import names, plots
from imgsim_assets.reporting.names import LONGEST, visible
from imgsim_bench.plots import stacked_bars
from imgsim_tests.budget import examples

ODD = [
    "$",
    "$$",
    "$$$",
    "$$$$",
    r"$\frac{1}{$",
    r"\$ \alpha ^ _ {",
    "%s {} {0}",
    "_hidden",
    "犬と猫",
    "🐶🐱",
    "👨‍👩‍👧‍👦",
    "कुत्ता",
    "كلب",
    "שלום",
    "\u202eesrever",
    "two\nlines\rand\ttabs",
    "nul\0",
    "half\ud83d",
    "",
    " ",
    "\u3000",
    "x" * 5000,
    "007",
    "<b>&\"'",
]


def png(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.format == "PNG"


@pytest.fixture
def silence(caplog, capfd):
    """Nothing is warned of, logged or printed."""
    with warnings.catch_warnings(record=True) as warned, caplog.at_level(logging.INFO):
        warnings.simplefilter("always")
        yield
    # Folders that other tests left are cleaned up whenever Python comes to it.
    assert [str(one.message) for one in warned if not issubclass(one.category, ResourceWarning)] == []
    assert [record.getMessage() for record in caplog.records if record.name.startswith("matplotlib")] == []
    assert capfd.readouterr() == ("", "")


DRAWINGS = {
    "classes": lambda some: plots.class_average_precision({name: place / 30 for place, name in enumerate(some)}),
    "intervals": lambda some: plots.steps_with_intervals(some, [0.5] * len(some), [(0.4, 0.6)] * len(some)),
    "gains": lambda some: plots.gains_with_intervals(
        some, [0.1] * len(some), [(0.0, 0.2)] * len(some), ["taken"] * len(some)
    ),
    "bars": lambda some: stacked_bars({name: [1.0, 2.0] for name in some}, ["decode", "embed"], "s"),
}


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS.keys())
@pytest.mark.usefixtures("silence")
def test_any_name_is_drawn(draw):
    for start in range(0, len(ODD), 8):
        assert png(draw(ODD[start : start + 8]))


@given(st.text(max_size=60))
@settings(max_examples=examples(25))
def test_any_text_is_a_name(name):
    assert png(plots.class_average_precision({name: 0.5, "cat": 0.25}))


@pytest.mark.parametrize("name", ["$x^2$", r"$\alpha$", "a_b", "犬"])
def test_the_text_is_the_name_and_no_formula(name, monkeypatch):
    drawn = []
    draw = matplotlib.text.Text.draw

    def noted(self, renderer):
        drawn.append((self.get_text(), self.get_parse_math()))
        draw(self, renderer)

    monkeypatch.setattr(matplotlib.text.Text, "draw", noted)
    plots.class_average_precision({name: 0.5})
    assert (name, False) in drawn


def test_classes_whose_names_begin_alike_have_a_bar_each():
    alike = {"x" * 100 + str(place): place / 4 for place in range(4)}
    with Image.open(io.BytesIO(plots.class_average_precision(alike))) as image:
        column = image.convert("RGB").resize((image.width, image.height)).crop((0, 0, image.width, image.height))
        blue = [
            any(column.getpixel((x, y)) == (0x2F, 0x6D, 0xB3) for x in range(0, image.width, 3))
            for y in range(image.height)
        ]
    assert (
        sum(here and not before for before, here in zip([False, *blue], blue, strict=False)) == 3
    )  # one is of length 0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain", "plain"),
        ("a\nb\x7f", "a␊b␡"),
        ("\ud83d", "\ufffd"),
        ("", "“”"),
        ("  ", "“  ”"),
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * (LONGEST + 1), "x" * LONGEST + "…"),
    ],
)
def test_what_cannot_be_seen_is_shown(name, shown):
    assert visible(name) == shown


def test_fonts_that_are_absent_are_not_asked_for(monkeypatch):
    monkeypatch.setattr(names, "FAMILIES", ("No Such Font", "DejaVu Sans"))
    names._families.cache_clear()
    try:
        assert names._families() == ("DejaVu Sans",)
    finally:
        names._families.cache_clear()
