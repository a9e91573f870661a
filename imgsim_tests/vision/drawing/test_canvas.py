import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imgsim_assets.vision.drawing.canvas import blurred, mask_of, paste, shaded
from imgsim_assets.vision.drawing.outline import box, ellipse, regular
from imgsim_tests.budget import examples


@pytest.mark.parametrize(
    ("outline", "area"),
    [
        (box(10, 12, 40, 50), 30 * 38),
        (ellipse(32, 32, 20, 12, points=200), np.pi * 20 * 12),
        (regular(6, 25, 32, 32), 3 * np.sqrt(3) / 2 * 625),
    ],
)
def test_coverage_is_the_area(outline, area):
    assert mask_of([outline], (64, 64)).sum() / 255 == pytest.approx(area, rel=0.03)


def test_an_inner_contour_is_a_hole():
    mask = mask_of([box(10, 10, 50, 50), box(20, 20, 40, 40)], (60, 60))
    assert mask[30, 30] == 0
    assert mask[15, 15] == 255


def test_a_line_is_as_wide_as_asked():
    mask = mask_of([np.array([(5.0, 30.0), (55.0, 30.0)])], (60, 60), width=8)
    assert mask[:, 30].sum() / 255 == pytest.approx(8, abs=0.8)


def test_far_outside_nothing_is_drawn():
    assert mask_of([box(1e7, 1e7, 2e7, 2e7)], (20, 20)).sum() == 0


@settings(max_examples=examples(60))
@given(
    arrays(np.uint8, (5, 4, 3)),
    arrays(np.uint8, (5, 4)),
    arrays(np.uint8, (5, 4, 3)),
)
def test_paste_is_the_exact_mean_rounded(picture, mask, paint):
    cover = mask[..., None] / 255
    expected = picture * (1 - cover) + paint * cover
    assert np.abs(paste(picture, mask, paint) - expected).max() <= 0.5 + 1e-9


@settings(max_examples=examples(30))
@given(arrays(np.uint8, (5, 4, 3)), arrays(np.uint8, 3))
def test_paste_of_one_colour_is_paste_of_a_picture_of_it(picture, colour):
    mask = (np.arange(20, dtype=np.uint8) * 12).reshape(5, 4)
    assert np.array_equal(paste(picture, mask, colour), paste(picture, mask, np.broadcast_to(colour, picture.shape)))


def test_paste_leaves_its_input_alone():
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    paste(picture, np.full((4, 4), 255, dtype=np.uint8), np.full(3, 9, dtype=np.uint8))
    assert picture.sum() == 0


@settings(max_examples=examples(30))
@given(arrays(np.uint8, (3, 3, 3)), st.integers(-400, 400))
def test_shading_saturates(paint, shade):
    result = shaded(paint, np.full((3, 3), shade, dtype=np.int16))
    assert np.array_equal(result, np.clip(paint.astype(int) + shade, 0, 255))


def test_blur_keeps_a_flat_picture_and_spreads_a_dot():
    assert (blurred(np.full((9, 9), 77, dtype=np.uint8), 2) == 77).all()
    dot = np.zeros((15, 15), dtype=np.uint8)
    dot[7, 7] = 255
    assert (blurred(dot, 1) > 0).sum() > 9
