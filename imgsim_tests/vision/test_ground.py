import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imgsim_assets.vision.colour import to_rgb
from imgsim_assets.vision.ground import BLACK, FAINT, WHITE, choose_ground, lay_on_ground, strips_of
from imgsim_assets.vision.photo import decode_photo
from imgsim_tests.broken_files import encoded, picture
from imgsim_tests.vision.tiffs import tiff

LIMIT = 1_000_000


def icon(colour, ground=(0, 0, 0, 0), side=48):
    made = Image.new("RGBA", (side * 4, side * 4), ground)
    ImageDraw.Draw(made).ellipse((side, side, side * 3, side * 3), fill=(*colour, 255))
    return made.resize((side, side), Image.Resampling.LANCZOS)


@pytest.fixture
def decode(tmp_path):
    def run(content: bytes) -> np.ndarray:
        (tmp_path / "photo").write_bytes(content)
        return np.asarray(decode_photo(tmp_path / "photo", LIMIT), int)

    return run


@pytest.mark.parametrize("colour", [(255, 255, 255), (245, 245, 245), (255, 255, 215), (236, 240, 241)])
@pytest.mark.parametrize("hidden", [(255, 255, 255, 0), (0, 0, 0, 0)])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_a_light_icon_is_seen(decode, kind, hidden, colour):
    found = decode(encoded(icon(colour, hidden), kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert found[24, 24].min() > 200
    assert found[0, 0].max() < 10


@pytest.mark.parametrize("colour", [(0, 0, 0), (200, 0, 0), (128, 128, 128), (210, 210, 210), (255, 200, 0)])
def test_other_icons_stay_on_white(decode, colour):
    found = decode(encoded(icon(colour), "PNG"))
    np.testing.assert_array_equal(found[0, 0], (255, 255, 255))
    np.testing.assert_array_equal(found[24, 24], colour)


def test_light_icons_of_other_modes_are_seen(decode):
    photo = icon((255, 255, 255), (255, 255, 255, 0))
    indexed = Image.new("P", (4, 4), 0)
    indexed.putpalette([9, 9, 9, 255, 255, 255])
    indexed.paste(1, (1, 1, 3, 3))
    one_colour = Image.new("RGB", (4, 4), (1, 2, 3))
    one_colour.paste((255, 255, 255), (1, 1, 3, 3))
    files = {
        "LA": encoded(photo.convert("LA"), "PNG"),
        "GIF": encoded(indexed, "GIF", transparency=0),
        "palette": encoded(indexed, "PNG", transparency=0),
        "colour": encoded(one_colour, "PNG", transparency=(1, 2, 3)),
    }
    for content in files.values():
        found = decode(content)
        assert (found[0, 0].max(), found[len(found) // 2, len(found) // 2].min()) == (0, 255)


def test_round_corners_of_a_light_window_stay_white():
    window = Image.new("RGBA", (100, 100), (250, 250, 250, 255))
    window.paste((0, 0, 0, 0), (0, 0, 5, 5))
    assert choose_ground(window) == WHITE
    window.paste((0, 0, 0, 0), (0, 0, 50, 50))
    assert choose_ground(window) == BLACK


def bitmap(pixels: np.ndarray, header: int = 108) -> bytes:
    """A BMP of 32 bits with masks for red, green, blue and alpha: uint8 [height, width, 4], as RGBA."""
    height, width = pixels.shape[:2]
    data = pixels[::-1, :, [2, 1, 0, 3]].tobytes()
    head = np.array([header, width, height, 1 | 32 << 16, 3, len(data), 2835, 2835, 0, 0], "<u4").tobytes()
    masks = np.array([0xFF0000, 0xFF00, 0xFF, 0xFF000000], "<u4").tobytes()
    head = (head + masks).ljust(max(header, 56), b"\0")
    start = 14 + len(head)
    return b"BM" + np.array([start + len(data), 0, start], "<u4").tobytes() + head + data


@pytest.mark.parametrize(
    "kind", ["BMP", "BMP of 56", "BMP of 124", "PNG", "TIFF", "grey TIFF", "WEBP", "palette", "LA"]
)
def test_alpha_of_zero_everywhere_means_nothing(decode, kind):
    photo = picture(5, 40)
    hidden = np.dstack([np.asarray(photo), np.zeros((40, 40), np.uint8)])
    grey = np.asarray(photo.convert("L"))
    indexed = photo.quantize(8)
    files = {
        "BMP": lambda: bitmap(hidden),
        "BMP of 56": lambda: bitmap(hidden, 56),
        "BMP of 124": lambda: bitmap(hidden, 124),
        "PNG": lambda: encoded(Image.fromarray(hidden), "PNG"),
        "TIFF": lambda: tiff(hidden, 2, more={338: (3, [2])}),
        "grey TIFF": lambda: tiff(np.dstack([grey, np.zeros_like(grey)]), 1, more={338: (3, [2])}),
        "WEBP": lambda: encoded(Image.fromarray(hidden), "WEBP", lossless=True, exact=True),
        "palette": lambda: encoded(indexed, "PNG", transparency=bytes(8)),
        "LA": lambda: encoded(Image.fromarray(np.dstack([grey, np.zeros_like(grey)])), "PNG"),
    }
    expected = {
        "grey TIFF": np.dstack([grey] * 3),
        "LA": np.dstack([grey] * 3),
        "palette": np.asarray(indexed.convert("RGB")),
    }
    np.testing.assert_array_equal(decode(files[kind]()), expected.get(kind, np.asarray(photo)))


@pytest.mark.parametrize("kind", ["BMP", "PNG", "TIFF"])
def test_alpha_too_faint_to_show_anything_means_nothing(decode, kind):
    photo = np.asarray(picture(5, 40))
    faint = np.zeros((40, 40), np.uint8)
    faint[::2, 1::3] = FAINT - 1
    pixels = np.dstack([photo, faint])
    made = {
        "BMP": lambda: bitmap(pixels),
        "PNG": lambda: encoded(Image.fromarray(pixels), "PNG"),
        "TIFF": lambda: tiff(pixels, 2, more={338: (3, [2])}),
    }
    np.testing.assert_array_equal(decode(made[kind]()), photo)
    pixels[0, 0, 3] = FAINT
    assert decode(made[kind]()).mean() > 250


def test_alpha_that_means_something_is_kept(decode):
    half = np.dstack([np.asarray(picture(5, 40)), np.full((40, 40), 255, np.uint8)])
    half[:20, :, 3] = 0
    found = decode(bitmap(half))
    assert (found[:20] == 255).all()
    np.testing.assert_array_equal(found[20:], half[20:, :, :3])


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_every_mode_with_alpha_lies_on_its_ground(mode):
    grey = Image.new("L", (8, 8), 100)
    photo = Image.merge("LA", (grey, Image.linear_gradient("L").resize((8, 8))))
    expected = np.asarray(lay_on_ground(photo), int)
    made = {"LA": photo, "RGBA": photo.convert("RGBA"), "La": photo.convert("La")}
    made |= {"RGBa": made["RGBA"].convert("RGBa"), "PA": made["RGBA"].convert("PA")}
    found = np.asarray(to_rgb(made[mode]), int)
    assert np.abs(found - expected).max() <= (30 if mode == "PA" else 3)


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"]
)
def test_every_mode_becomes_rgb(mode):
    assert to_rgb(Image.new(mode, (5, 4))).mode == "RGB"
    assert to_rgb(Image.new(mode, (5, 4))).size == (5, 4)


def test_strips_hold_all_rows_once(monkeypatch):
    monkeypatch.setattr("imgsim_assets.vision.ground.STRIP_VALUES", 10)
    for shape in ((7, 4), (7, 100), (1, 1), (7, 2, 2)):
        assert [row for strip in strips_of(shape) for row in range(strip.start, strip.stop)] == list(range(shape[0]))


def test_strips_do_not_show(monkeypatch):
    photo = icon((255, 255, 255))
    whole = np.asarray(lay_on_ground(photo))
    monkeypatch.setattr("imgsim_assets.vision.ground.STRIP_VALUES", 100)
    np.testing.assert_array_equal(np.asarray(lay_on_ground(photo)), whole)


def test_white_is_laid_as_pillow_lays_it():
    photo = picture(6).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    buffer = io.BytesIO()
    photo.save(buffer, "PNG")
    composed = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo).convert("RGB")
    np.testing.assert_array_equal(np.asarray(lay_on_ground(photo)), np.asarray(composed))
