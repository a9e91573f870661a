from dataclasses import replace

import numpy as np
import pytest

from imgsim_assets.vision.drawing.chrome import add_chrome, bars, border, caption, watermark, words
from imgsim_assets.vision.drawing.pose import Difficulty, draw_pose
from imgsim_assets.vision.drawing.sample import KINDS
from imgsim_assets.vision.drawing.scene import draw_photo, draw_scene
from imgsim_assets.vision.drawing.surroundings import draw_palette
from imgsim_assets.vision.drawing.textures import TEXTURES, texture

PICTURE = np.random.default_rng(5).integers(60, 200, (90, 120, 3), dtype=np.uint8)


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("drawn", TEXTURES)
@pytest.mark.parametrize("shape", [(40, 61), (64, 64)])
def test_textures_have_the_shape_and_the_range(drawn, shape):
    for seed in range(5):
        surface = drawn(shape, generator(seed))
        assert surface.shape == shape
        assert surface.dtype == np.int16
        assert np.abs(surface).max() <= 128


def test_a_texture_of_no_strength_is_flat():
    assert not texture((30, 30), generator(), 0.0).any()


@pytest.mark.parametrize("kind", [border, bars, caption, watermark, add_chrome])
def test_chrome_changes_some_and_leaves_the_middle_mostly(kind):
    for seed in range(8):
        result = kind(PICTURE, generator(seed))
        changed = (result != PICTURE).any(axis=2)
        assert result.shape == PICTURE.shape
        assert changed.any()
        assert changed[22:-22, 22:-22].mean() < 0.5


def test_chrome_leaves_its_input_alone():
    before = PICTURE.copy()
    for seed in range(10):
        add_chrome(PICTURE, generator(seed))
    assert np.array_equal(before, PICTURE)


def test_words_are_as_large_as_asked():
    assert words(generator(), 5, 2).shape == (14, 60)


def test_a_scene_depends_on_its_generator_alone():
    first, again, other = (draw_scene(KINDS["mug"], generator(s), (80, 96), Difficulty()) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_longer_side_is_as_asked():
    shapes = {draw_photo(KINDS["key"], generator(seed), 100, Difficulty()).shape for seed in range(12)}
    assert {max(shape[:2]) for shape in shapes} == {100}
    assert {height > width for height, width, _ in shapes} == {True, False}


def test_things_stay_in_the_picture():
    corners = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * 0.6
    for seed in range(50):
        placed = draw_pose(generator(seed), (150, 192), Difficulty())(corners)
        assert placed.min() > -5
        assert placed[:, 0].max() < 197
        assert placed[:, 1].max() < 155


def test_palettes_can_be_told_apart():
    for seed in range(30):
        colours = draw_palette(generator(seed), 4).astype(int)
        apart = np.abs(colours[:, None] - colours[None]).sum(axis=2) + 999 * np.eye(4, dtype=int)
        assert apart.min() > 60


def test_the_same_thing_is_seen_through_any_difficulty():
    calm = replace(Difficulty(), clutter=0, hidden=0.0, chrome=0.0, ground=0.05)
    assert draw_scene(KINDS["car"], generator(3), (64, 64), calm).std() > 5
