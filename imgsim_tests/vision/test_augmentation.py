import numpy as np
import pytest

from imgsim_assets.vision.augmentation import Changes, augment
from imgsim_workshop.classes import training_kinds
from imgsim_workshop.pictures import draw_class

KINDS = training_kinds(14)


def changes(any_colour: bool) -> Changes:
    return Changes(smallest=0.75, largest=1.1, turn=0.12, any_colour=any_colour)


@pytest.mark.parametrize("any_colour", [True, False])
def test_views_are_bounded_repeatable_and_differ(any_colour: bool):
    pictures = draw_class(KINDS[5], 4, 0)
    first, again, other = (
        augment(pictures, 48, np.random.default_rng(seed), changes(any_colour)) for seed in (0, 0, 1)
    )
    assert tuple(first.shape) == (4, 3, 48, 48)
    assert first.min() >= 0
    assert first.max() <= 1
    assert first.equal(again)
    assert not first.equal(other)


def test_colours_are_swapped_and_turned_negative_only_where_asked():
    red = np.zeros((200, 16, 16, 3), dtype=np.uint8)
    red[..., 0] = 220
    near, wild = (augment(red, 8, np.random.default_rng(0), changes(any_colour)) for any_colour in (False, True))
    middles = [views[:, :, 4, 4].numpy() for views in (near, wild)]
    assert (middles[0].argmax(axis=1) == 0).mean() > 0.95
    assert (middles[1].argmax(axis=1) == 0).mean() < 0.85
