"""The page on architecture is what the code is: its drawings, and the functions of its walks."""

import importlib
import re

import pytest

from imgsim_workshop.architecture import PAGE, ROOT, drawn, room_layers

LONGEST = 12
PACKAGES = ("imgsim_assets", "imgsim_bench", "imgsim_workshop")
MOST_LINES = 250
LISTS = {"imgsim_assets/settings.py"}  # of settings, with what each means
HOP = re.compile(r"^\d+\. `([\w.]+):(\w+)`", re.MULTILINE)
WALKS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^###|\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
FLOOR = {room: depth for depth, layer in enumerate(room_layers()) for room in layer.split(" | ")}


def test_the_drawings_are_those_of_the_code():
    page = PAGE.read_text(encoding="utf-8")
    assert "raw_images --> canny_maps" in page
    assert "| `vision` |" in page
    assert drawn(page) == page, "run `python -m imgsim_workshop.architecture`"


def test_there_are_four_walks():
    assert len(WALKS) == 4


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


@pytest.mark.parametrize("walk", WALKS)
def test_each_hop_is_known_to_one_before_it(walk: str):
    """What is called is imported by a module that the walk has come through, since the asset or in it."""
    sources: list[str] = []
    for module, name in HOP.findall(WALKS[walk]):
        folder, _, last = module.rpartition(".")
        known = re.compile(rf"from imgsim_assets\.({module} import|{folder} import .*\b{last}\b)")
        if module.startswith("assets."):
            sources = []
        else:
            assert any(known.search(one) for one in sources), f"nothing before it asks {module}:{name}"
        sources.append((ROOT / "imgsim_assets" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("room", ["retrieval", "orchestration"])
def test_a_large_room_says_where_each_of_its_modules_belongs(room: str):
    folder = ROOT / "imgsim_assets" / room
    said = importlib.import_module(f"imgsim_assets.{room}").__doc__ or ""
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert set(re.findall(r"`(\w+)`", said)) == modules


def test_no_module_is_long_but_a_list():
    """One idea a module: docs/decisions/0032-assets-only-wire.md."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name for name, count in lines.items() if count > MOST_LINES} == LISTS
