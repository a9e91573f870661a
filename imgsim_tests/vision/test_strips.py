import numpy as np
import pytest

from imgsim_assets.vision.strips import Strip, find_strip, is_chrome

WHITE, BLACK, GREY, RED = (250, 250, 250), (20, 10, 5), (128, 128, 128), (200, 20, 30)


def strip(colour, *, rows=10, share=0.1, lettered=False, drawn=True):
    return Strip(rows, share, np.array(colour, np.int16), lettered, drawn)


def beginning(rows, noisy=0):
    generator = np.random.default_rng(0)
    photo = generator.integers(0, 256, (120, 90, 3), dtype=np.uint8)
    photo[:rows] = 200
    photo[:rows] += generator.integers(0, noisy + 1, (rows, 90, 3), dtype=np.uint8)
    return photo


@pytest.mark.parametrize("rows", [1, 9, 30])
def test_a_strip_is_measured(rows):
    found = find_strip(beginning(rows))
    assert found is not None
    assert (found.rows, found.share, found.lettered, found.drawn) == (rows, rows / 120, False, True)
    assert found.colour.tolist() == [200, 200, 200]


def test_what_has_no_strip_has_none():
    assert find_strip(beginning(0)) is None
    assert find_strip(beginning(60)) is None
    assert find_strip(np.full((50, 50, 3), 7, np.uint8)) is None


def test_a_wide_strip_with_a_camera_s_noise_is_not_drawn():
    found = find_strip(beginning(30, noisy=6))
    assert found is not None
    assert not found.drawn
    assert not is_chrome(found, found, vivid=True)


@pytest.mark.parametrize(("colour", "chrome"), [(WHITE, True), (BLACK, True), (GREY, False), (RED, False)])
def test_alone_a_strip_is_chrome_where_it_is_nearly_white_or_black(colour, chrome):
    assert is_chrome(strip(colour), None, vivid=True) is chrome


@pytest.mark.parametrize(
    ("other", "vivid", "chrome"),
    [
        (strip(RED), True, True),
        (strip(RED), False, False),
        (strip(RED, rows=14), True, True),
        (strip(RED, rows=16), True, False),
        (strip(GREY), True, False),
        (strip(RED, lettered=True), True, False),
    ],
)
def test_a_vivid_strip_needs_its_twin(other, vivid, chrome):
    assert is_chrome(strip(RED), other, vivid=vivid) is chrome


@pytest.mark.parametrize(("share", "chrome"), [(0.04, False), (0.06, True)])
def test_letters_need_a_caption_s_width(share, chrome):
    assert is_chrome(strip(WHITE, share=share, lettered=True), None, vivid=False) is chrome
    assert not is_chrome(strip(RED, share=share, lettered=True), strip(RED), vivid=True)


def test_without_a_strip_there_is_no_chrome():
    assert not is_chrome(None, strip(WHITE), vivid=True)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_what_fades_is_no_strip(step):
    fading = np.clip(250 - step * np.arange(120), 0, 255).astype(np.uint8)
    assert find_strip(np.broadcast_to(fading[:, None, None], (120, 90, 3))) is None


@pytest.mark.parametrize(("ink", "lettered"), [(30, True), (170, False)])
def test_letters_are_told_from_what_compression_left(ink, lettered):
    photo = beginning(12)
    photo[3:7, 10:30:2] = ink
    found = find_strip(photo)
    assert found is not None
    assert found.lettered is lettered
