from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgsim_assets.vision import frame as frame_module
from imgsim_assets.vision.backbones.pixels import LibraryFraming, SquareFraming
from imgsim_assets.vision.canny import Edges
from imgsim_assets.vision.frame import Frame, open_photo
from imgsim_assets.vision.photo import REDUCTIONS
from imgsim_assets.vision.photo_file import PhotoError
from imgsim_assets.vision.views import make_view

LIMIT = 100_000_000
CROP = SquareFraming(64, "crop", 72, Image.Resampling.BICUBIC)
VIEWS = ("rgb", "mirror", "zoom", "zoom_mirror", "canny_focus", "canny_edges")
BOX = (0.25, 0.5, 0.75, 1.0)
EDGES = Edges(np.eye(16, dtype=np.bool_), BOX, 1 / 16)


def scene(width: int, height: int) -> Image.Image:
    """A picture with detail of every size, as photos have: the sum of noise at many scales."""
    random = np.random.default_rng(5)
    total = np.zeros((height, width, 3))
    for cells in (4, 12, 36, 108):
        noise = random.normal(0, 60 / cells**0.5, (cells, cells, 3)).astype(np.float32)
        planes = [Image.fromarray(noise[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(3)]
        total += np.stack([np.asarray(plane) for plane in planes], axis=2)
    return Image.fromarray((128 + total).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "large.jpg"
    scene(1600, 1200).save(path, quality=92)
    return path


@pytest.mark.parametrize("view", VIEWS)
def test_a_reduced_photo_shows_the_same(view, large):
    """Up to three levels of 255 on average, as a crop begins at a whole pixel; another view is off by ten."""
    frame = Frame(view, CROP)
    opened = open_photo(large, (1600, 1200), [frame], EDGES, LIMIT)
    with Image.open(large) as photo:
        whole = CROP(make_view(photo.convert("RGB"), view, EDGES))
    reductions = {"rgb": {8}, "mirror": {8}, "zoom": {4}, "zoom_mirror": {4}, "canny_focus": {4}, "canny_edges": set()}
    assert set(opened.decoded) == reductions[view]
    difference = np.abs(frame(opened).astype(int) - whole)
    assert difference.mean() < (1 if view in ("rgb", "mirror", "canny_edges") else 3)
    elsewhere = Frame("zoom" if view != "zoom" else "rgb", CROP)
    assert np.abs(elsewhere(open_photo(large, (1600, 1200), [elsewhere], EDGES, LIMIT)).astype(int) - whole).mean() > 10


@given(
    width=st.integers(1, 6000),
    height=st.integers(1, 6000),
    view=st.sampled_from(VIEWS),
    resize=st.sampled_from(["squash", "crop"]),
)
def test_what_is_seen_keeps_twice_the_pixels_that_are_looked_at(width, height, view, resize):
    framing = SquareFraming(64, resize)
    reduction = Frame(view, framing).reduction((width, height), EDGES)
    assert reduction in ((0,) if view == "canny_edges" else REDUCTIONS)
    if reduction > 1:
        share = {"zoom": 0.75, "zoom_mirror": 0.75, "canny_focus": 0.5}.get(view, 1)
        assert share * min(width, height) >= 2 * 64 * reduction


def test_a_vector_does_not_depend_on_what_else_is_shown(large):
    """A small model beside a large one sees what it sees alone, and a photo is decoded once for each size."""
    small, large_one, same = Frame("rgb", SquareFraming(32)), Frame("rgb", SquareFraming(224)), Frame("mirror", CROP)
    together = open_photo(large, (1600, 1200), [small, large_one, same], None, LIMIT)
    assert sorted(together.decoded) == [2, 8]
    for frame in (small, large_one, same):
        alone = open_photo(large, (1600, 1200), [frame], None, LIMIT)
        np.testing.assert_array_equal(frame(alone), frame(together))
    with mock.patch.object(frame_module, "decode_bytes", wraps=frame_module.decode_bytes) as decode:
        open_photo(large, (1600, 1200), [small, same], None, LIMIT)
    assert decode.call_count == 1


def test_a_photo_is_read_once_however_many_sizes_are_needed_and_not_at_all_for_its_edges(large):
    frames = [Frame("rgb", SquareFraming(32)), Frame("rgb", SquareFraming(224))]
    with mock.patch.object(frame_module, "read_file", wraps=frame_module.read_file) as read:
        assert len(open_photo(large, (1600, 1200), frames, None, LIMIT).decoded) == 2
        open_photo(large, (1600, 1200), [Frame("canny_edges", CROP)], EDGES, LIMIT)
    assert read.call_count == 1


def test_a_librarys_own_framing_gets_the_whole_photo(large):
    frame = Frame("rgb", LibraryFraming(np.asarray))
    assert list(open_photo(large, (1600, 1200), [frame], None, LIMIT).decoded) == [1]


def test_a_broken_photo_is_said_when_it_is_opened(tmp_path):
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff no photo")
    with pytest.raises(PhotoError):
        open_photo(path, (1600, 1200), [Frame("rgb", CROP)], None, LIMIT)
