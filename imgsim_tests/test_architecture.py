"""The page on architecture is what the code is: its drawings, and the functions of its walks."""

import importlib
import re

import pytest

from imgsim_workshop.architecture import PAGE, drawn, room_layers

LONGEST = 12
HOP = re.compile(r"^\d+\. `([\w.]+):(\w+)`", re.MULTILINE)
WALKS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^###|\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
FLOOR = {room: depth for depth, layer in enumerate(room_layers()) for room in layer.split(" | ")}


def test_the_drawings_are_those_of_the_code():
    page = PAGE.read_text(encoding="utf-8")
    assert "raw_images --> canny_maps" in page
    assert "| `vision` |" in page
    assert drawn(page) == page, "run `python -m imgsim_workshop.architecture`"


def test_there_are_three_walks():
    assert len(WALKS) == 3


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_is_short_and_names_what_there_is(walk: str):
    hops = HOP.findall(WALKS[walk])
    assert len(hops) == len(re.findall(r"^\d+\. ", WALKS[walk], re.MULTILINE))
    assert 5 <= len(hops) <= LONGEST
    for module, name in hops:
        assert callable(getattr(importlib.import_module(f"imgsim_assets.{module}"), name))


@pytest.mark.parametrize("walk", WALKS)
def test_within_an_asset_a_walk_goes_down(walk: str):
    deepest = 0
    for module, _ in HOP.findall(WALKS[walk]):
        floor = FLOOR[module.partition(".")[0]]
        deepest = 0 if module.startswith("assets.") else deepest
        assert floor >= deepest, f"{module} is above what asks it"
        deepest = floor
