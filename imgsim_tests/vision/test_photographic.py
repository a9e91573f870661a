import cv2
import numpy as np
import pytest

from imgsim_assets.vision.drawing.pose import Difficulty
from imgsim_assets.vision.drawing.sample import KINDS
from imgsim_assets.vision.drawing.scene import draw_photo
from imgsim_assets.vision.photographic import colour_variety

CLEAN = Difficulty(chrome=0.0)
SCENES = [
    draw_photo(recipe, np.random.default_rng(seed), 192, CLEAN) for seed, recipe in enumerate(list(KINDS.values())[::6])
]


def grey(picture):
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def patches(count, side=12, noisy=0):
    generator = np.random.default_rng(count)
    colours = generator.integers(20, 230, (6, 6, 3))
    colours = colours.reshape(-1, 3)[:count][np.arange(36) % count].reshape(6, 6, 3)
    picture = colours.repeat(side, axis=0).repeat(side, axis=1) + generator.normal(0, noisy, (6 * side, 6 * side, 3))
    return picture.astype(np.uint8)


@pytest.mark.parametrize("noisy", [0, 3, 6])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_flat_colours_leave_nothing(count, noisy):
    assert colour_variety(patches(count, 24, noisy)) < 0.04


def test_more_flat_colours_than_few_leave_the_rest():
    assert colour_variety(patches(36)) > 0.3


def test_photographs_leave_much_and_grey_ones_too():
    assert np.median([colour_variety(photo) for photo in SCENES]) > 0.12
    assert np.median([colour_variety(grey(photo)) for photo in SCENES]) > 0.04


def test_a_large_photo_has_the_variety_of_its_small_copy():
    small = SCENES[0]
    large = small.repeat(3, axis=0).repeat(3, axis=1)
    assert abs(colour_variety(large) - colour_variety(small)) < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (700, 2)])
def test_any_shape_has_some(shape):
    assert 0 <= colour_variety(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)) <= 1
