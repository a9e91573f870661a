from unittest import mock

import cv2
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw

from imgsim_assets.settings import Canny
from imgsim_assets.view_table import WHOLE
from imgsim_assets.vision import canny as canny_module
from imgsim_assets.vision.canny import (
    EDGES_SCHEMA,
    LEAST_SIDE,
    automatic_thresholds,
    decode_edges,
    edge_reduction,
    edges_of_file,
    encode_edges,
    find_edges,
    focus_box,
)
from imgsim_assets.vision.content import Content
from imgsim_tests.broken_files import encoded, picture
from imgsim_tests.budget import examples

CANNY = Canny()


def noisy(deviation, size=(200, 300), level=128.0):
    noise = np.random.default_rng(0).normal(level, deviation, (*size, 1)).repeat(3, axis=2)
    return Image.fromarray(noise.clip(0, 255).astype(np.uint8))


def square_on(photo, box=(100, 60, 180, 140), colour=(200, 200, 200)):
    drawn = photo.copy()
    ImageDraw.Draw(drawn).rectangle(box, fill=colour)
    return drawn


@pytest.mark.parametrize(
    ("size", "shape"),
    [((512, 256), (128, 256)), ((100, 700), (256, 37)), ((256, 256), (256, 256)), ((9000, 3), (1, 256))],
)
def test_the_longest_side_is_scaled_down_to_the_setting(size, shape):
    assert find_edges(Image.new("RGB", size), CANNY).map.shape == shape


@pytest.mark.parametrize("size", [(100, 40), (1, 1), (1, 7), (2, 2)])
def test_small_photos_are_not_scaled_up(size):
    edges = find_edges(Image.new("RGB", size), CANNY)
    assert edges.map.shape == size[::-1]
    assert edges.map.dtype == np.bool_


@pytest.mark.parametrize(
    ("size", "side", "reduction"),
    [((300, 200), 256, 1), ((1023, 1000), 256, 1), ((1024, 10), 256, 2), ((3000, 4000), 256, 4),
     ((4000, 3000), 1024, 1), ((4000, 3000), 128, 8), ((90_000, 1), 256, 8)],
)  # fmt: skip
def test_a_photo_is_reduced_to_no_less_than_twice_the_map(size, side, reduction):
    assert edge_reduction(size, Canny(size=side)) == reduction


def test_a_large_photo_that_is_decoded_reduced_has_the_same_edges():
    """Within a pixel of the map, of what is inside the border alone; and the whole is never decoded."""
    photo = square_on(noisy(3, (1500, 2000)), (500, 400, 1100, 900))
    photo.paste("white", (0, 0, 2000, 100))
    content, read = Content(0, 100, 2000, 1500), encoded(photo, "JPEG")
    whole = find_edges(photo.crop((0, 100, 2000, 1500)), CANNY)
    with mock.patch.object(canny_module, "decode_bytes", wraps=canny_module.decode_bytes) as decode:
        found = edges_of_file(read, photo.size, content, CANNY, 10**8)
    assert [call.args[2] for call in decode.call_args_list] == [2]
    assert found.map.shape == whole.map.shape
    assert found.box == pytest.approx(whole.box, abs=0.01)
    for one, other in ((found, whole), (whole, found)):
        near = cv2.dilate(other.map.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert one.map.sum() > 200
        assert (one.map & near).sum() > 0.98 * one.map.sum()


@pytest.mark.parametrize("colour", ["black", "white", (120, 130, 140)])
def test_a_flat_photo_has_no_edges_and_its_box_is_the_whole(colour):
    edges = find_edges(Image.new("RGB", (300, 200), colour), CANNY)
    assert not edges.map.any()
    assert edges.density == 0
    assert edges.box == WHOLE


@pytest.mark.parametrize("deviation", [1, 3, 10, 40])
def test_noise_alone_gives_next_to_no_edges(deviation):
    assert find_edges(noisy(deviation), CANNY).density < 0.01


@pytest.mark.parametrize("deviation", [0, 3, 10, 25])
@pytest.mark.parametrize("level", [20, 100, 140])
def test_a_square_is_found_in_dark_bright_and_noisy_photos(deviation, level):
    photo = square_on(noisy(deviation, level=level), colour=(level + 90,) * 3)
    edges = find_edges(photo, CANNY)
    expected = np.zeros((200, 300), np.uint8)
    cv2.rectangle(expected, (100, 60), (180, 140), 255)
    scaled = cv2.resize(expected, (256, 171), interpolation=cv2.INTER_AREA) > 60
    near_edge = cv2.dilate(edges.map.astype(np.uint8), np.ones((7, 7))) > 0
    assert near_edge[scaled].mean() > 0.9
    near_square = cv2.dilate(scaled.astype(np.uint8), np.ones((7, 7))) > 0
    assert near_square[edges.map].mean() > 0.8
    assert edges.density == pytest.approx(edges.map.mean())


def test_a_faint_square_on_a_quiet_ground_is_found():
    photo = square_on(Image.new("RGB", (300, 200), (100, 100, 100)), colour=(114, 114, 114))
    left, top, right, bottom = find_edges(photo, CANNY).box
    assert left == pytest.approx(100 / 300, abs=0.05)
    assert top == pytest.approx(60 / 200, abs=0.05)
    assert right == pytest.approx(180 / 300, abs=0.05)
    assert bottom == pytest.approx(140 / 200, abs=0.05)


def test_thresholds_do_not_follow_brightness():
    dark = square_on(Image.new("RGB", (100, 100), (10, 10, 10)), (30, 30, 70, 70), (90, 90, 90))
    bright = square_on(Image.new("RGB", (100, 100), (160, 160, 160)), (30, 30, 70, 70), (240, 240, 240))
    np.testing.assert_array_equal(find_edges(dark, CANNY).map, find_edges(bright, CANNY).map)


def test_low_is_half_of_high_and_high_has_a_floor():
    low, high = automatic_thresholds(np.zeros((50, 50), np.float32))
    assert (low, high) == (10, 20)
    two_kinds = np.concatenate([np.full(900, 1.0), np.full(100, 400.0)]).reshape(20, 50).astype(np.float32)
    low, high = automatic_thresholds(two_kinds)
    assert 20 <= high < 400
    assert low == high / 2


def test_fixed_thresholds_are_opencvs():
    photo = picture(3, 200)
    canny = Canny(low=20, high=50, blur=0)
    expected = cv2.Canny(np.asarray(photo.convert("L")), 20, 50, L2gradient=True) > 0
    np.testing.assert_array_equal(find_edges(photo, canny).map, expected)
    assert expected.any()


def test_higher_thresholds_and_stronger_blur_leave_fewer_edges():
    photo = picture(4, 200)
    counts = [find_edges(photo, Canny(low=low, high=2 * low, blur=0)).map.sum() for low in (10, 60, 300)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    fixed = [find_edges(photo, Canny(low=10, high=20, blur=blur)).map.sum() for blur in (0, 2, 6)]
    assert fixed[0] > fixed[1] > fixed[2]


def inside(found, box):
    height, width = found.shape
    left, top, right, bottom = box
    rows = slice(int(np.floor(top * height + 1e-4)), int(np.ceil(bottom * height - 1e-4)))
    columns = slice(int(np.floor(left * width + 1e-4)), int(np.ceil(right * width - 1e-4)))
    return found[rows, columns].sum()


@settings(max_examples=examples(300))
@given(
    found=hnp.arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40))),
    mass=st.floats(0.01, 1),
)
def test_the_box_holds_its_mass_and_is_never_degenerate(found, mass):
    left, top, right, bottom = box = focus_box(found, mass)
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1
    assert right - left >= LEAST_SIDE - 1e-6
    assert bottom - top >= LEAST_SIDE - 1e-6
    assert inside(found, box) >= mass * found.sum() - 1e-6
    assert [float(np.float32(side)) for side in box] == list(box)


def test_strays_do_not_widen_the_box():
    found = np.zeros((200, 200), np.bool_)
    found[60:120, 80:150] = True
    found[5, 5] = found[190, 195] = True
    left, top, right, bottom = focus_box(found, 0.9)
    assert left == pytest.approx(0.4, abs=0.05)
    assert top == pytest.approx(0.3, abs=0.05)
    assert right == pytest.approx(0.75, abs=0.05)
    assert bottom == pytest.approx(0.6, abs=0.05)
    assert focus_box(found, 1) == pytest.approx((0.005, 0.005, 1, 0.975), abs=1e-6)


def test_one_line_at_the_rim_gets_a_box_of_some_width():
    found = np.zeros((100, 100), np.bool_)
    found[:, 99] = True
    left, top, right, bottom = focus_box(found, 1)
    assert (top, bottom) == (0, 1)
    assert right == 1
    assert left == pytest.approx(0.8, abs=1e-6)


@settings(max_examples=examples(50))
@given(seed=st.integers(0, 1000), width=st.integers(1, 70), height=st.integers(1, 70))
def test_edges_survive_the_store_exactly(seed, width, height):
    edges = find_edges(picture(seed, 70).crop((0, 0, width, height)), CANNY)
    row = {"content_id": "0" * 32, **encode_edges(edges)}
    table = pa.Table.from_pylist([row], schema=EDGES_SCHEMA)
    again = decode_edges(table.to_pylist()[0])
    np.testing.assert_array_equal(again.map, edges.map)
    assert again.map.dtype == np.bool_
    assert (again.box, again.density) == (edges.box, edges.density)


def test_the_stored_map_takes_one_bit_per_pixel_at_most():
    found = np.random.default_rng(0).random((256, 256)) < 0.5
    size = len(encode_edges(type(find_edges(picture(0), CANNY))(found, WHOLE, 0.5))["edges"])
    assert size < 256 * 256 / 8 + 1000
