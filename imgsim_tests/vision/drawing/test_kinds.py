from itertools import combinations

import numpy as np
import pytest

from imgsim_assets.vision.drawing.canvas import mask_of
from imgsim_assets.vision.drawing.outline import Vary
from imgsim_assets.vision.drawing.sample import KINDS


def tones(design, seed=0, side=48):
    """Which tone is seen where: 0 nothing, 1 to 3 the thing's tones."""
    seen = np.zeros((side, side), dtype=np.uint8)
    for part in design(Vary(np.random.default_rng(seed))):
        contours = [(contour + 1) * side / 2 for contour in part.contours]
        seen[mask_of(contours, (side, side), part.width * side / 2) > 127] = part.tone + 1
    return seen


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_stays_in_its_square_and_fills_some_of_it(name):
    for seed in range(3):
        parts = KINDS[name](Vary(np.random.default_rng(seed)))
        corners = np.concatenate([contour for part in parts for contour in part.contours])
        assert np.isfinite(corners).all()
        assert np.abs(corners).max() < 1.2
        assert {part.tone for part in parts} <= {0, 1, 2}
    assert (tones(KINDS[name]) > 0).mean() > 0.05


@pytest.mark.parametrize("name", KINDS)
def test_photos_of_a_kind_vary_in_proportion(name):
    first, second = (KINDS[name](Vary(np.random.default_rng(seed))) for seed in (0, 1))
    widths = [[part.width for part in parts] for parts in (first, second)]
    corners = [np.concatenate([contour for part in parts for contour in part.contours]) for parts in (first, second)]
    assert widths[0] != widths[1] or not np.array_equal(*corners)


def test_no_two_kinds_look_alike():
    drawn = {name: tones(design) for name, design in KINDS.items()}
    alike = [
        (first, second) for first, second in combinations(drawn, 2) if (drawn[first] == drawn[second]).mean() > 0.95
    ]
    assert alike == []
