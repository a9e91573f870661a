import numpy as np
import pytest

from imgsim_assets.vision.drawing.outline import Vary, arc, mirrored, regular, smooth, starred, turned

CORNERS = np.array([(0.0, -1.0), (0.8, 0.1), (0.2, 0.9), (-0.7, 0.3)])


def test_a_smooth_closed_curve_goes_through_its_corners():
    curve = smooth(CORNERS, steps=5)
    assert len(curve) == 20
    assert np.allclose(curve[::5], CORNERS)


def test_a_smooth_open_curve_begins_and_ends_at_its_ends():
    curve = smooth(CORNERS, steps=5, closed=False)
    assert len(curve) == 16
    assert np.allclose(curve[::5], CORNERS)


def test_an_evenly_set_line_stays_straight():
    line = np.stack([np.linspace(-1, 1, 5), np.zeros(5)], axis=1)
    assert np.allclose(smooth(line, closed=False)[:, 1], 0)


def test_a_mirrored_outline_is_its_own_mirror_image():
    outline = mirrored([(0.2, -1.0), (0.5, 0.0), (0.3, 1.0)])
    assert np.allclose(outline, (outline * (-1, 1))[::-1])


@pytest.mark.parametrize("corners", [3, 6, 8])
def test_regular_polygons_point_up_and_have_equal_sides(corners):
    outline = regular(corners, 0.9)
    assert np.allclose(outline[0], (0, -0.9))
    sides = np.linalg.norm(outline - np.roll(outline, 1, axis=0), axis=1)
    assert np.allclose(sides, sides[0])


def test_a_star_alternates_between_its_radii():
    assert np.allclose(np.linalg.norm(starred(5, 1.0, 0.4), axis=1), [1.0, 0.4] * 5)


def test_turning_keeps_distances_and_turns_clockwise_on_the_screen():
    assert np.allclose(turned(np.array([(1.0, 0.0)]), np.pi / 2), [(0.0, 1.0)])
    assert np.allclose(turned(CORNERS, 0.7, 3, 4) - (3, 4), turned(CORNERS - (3, 4), 0.7))


def test_an_arc_has_its_ends():
    assert np.allclose(arc(1, 2, 3, 4, 0, np.pi)[[0, -1]], [(4, 2), (-2, 2)])


def test_varied_numbers_stay_near():
    vary = Vary(np.random.default_rng(0))
    values = np.array([vary(2.0, 0.1) for _ in range(500)])
    assert values.min() >= 1.8
    assert values.max() <= 2.2
    assert values.std() > 0.05
