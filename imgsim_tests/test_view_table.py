import ast
from pathlib import Path

import pytest

import imgsim_assets
from imgsim_assets.settings import Steps
from imgsim_assets.view_table import JOINED, MIRRORS, PHOTO, TRAINED, VIEWS, need_edges

PACKAGE = Path(imgsim_assets.__file__).parent
STEPS = {"mirror", *JOINED}  # names of steps too: the ladder may spell them


def test_a_mirror_image_shows_what_its_view_shows():
    assert MIRRORS == {"mirror": "rgb", "zoom_mirror": "zoom"}
    for mirrored, view in MIRRORS.items():
        assert (VIEWS[mirrored].shows, VIEWS[mirrored].box) == (VIEWS[view].shows, VIEWS[view].box)
        assert view not in MIRRORS


def test_every_view_is_the_photo_a_mirror_image_or_taken_by_a_step_of_its_own():
    assert sorted([PHOTO, *MIRRORS, *JOINED]) == sorted(VIEWS)
    assert set(Steps.model_fields) >= STEPS


def test_networks_are_trained_on_the_photo_and_its_mirror_image():
    assert TRAINED == ("rgb", "mirror")


@pytest.mark.parametrize(
    ("views", "needed"),
    [((), False), (("rgb", "mirror", "zoom", "zoom_mirror"), False), (("rgb", "canny_focus"), True),
     (("canny_edges",), True)],
)  # fmt: skip
def test_edges_are_needed_where_a_view_shows_something_of_them(views, needed):
    assert need_edges(views) is needed


def test_no_other_module_spells_the_name_of_a_view():
    spelled = {
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.value}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in VIEWS
        if path.name != "view_table.py" and not (path.name == "rungs.py" and node.value in STEPS)
    }
    assert spelled == set()
