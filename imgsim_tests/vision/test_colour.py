import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from imgsim_assets.vision.colour import to_bytes, to_rgb
from imgsim_assets.vision.photo import decode_photo
from imgsim_tests.broken_files import encoded, picture

LIMIT = 1_000_000
RAMP = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)


@pytest.fixture
def decode(tmp_path):
    def run(content: bytes) -> np.ndarray:
        (tmp_path / "photo").write_bytes(content)
        photo = decode_photo(tmp_path / "photo", LIMIT)
        assert photo.mode == "RGB"
        return np.asarray(photo)

    return run


def by_opencv(array, suffix):
    done, content = cv2.imencode(suffix, array)
    assert done
    return content.tobytes()


def grey(values):
    return np.dstack([values] * 3)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_greyscale_is_divided_by_257(decode, kind):
    expected = np.rint(RAMP / 257).astype(np.uint8)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(RAMP), kind)), grey(expected))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_is_within_one_level(decode, suffix, channels):
    colour = np.dstack([RAMP, RAMP.T, RAMP[::-1], np.full_like(RAMP, 65535)])[:, :, :channels]
    found = decode(by_opencv(np.ascontiguousarray(colour), suffix))
    expected = np.rint(colour[:, :, 2::-1] / 257)
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_eight_bits_widened_to_sixteen_come_back_exactly(decode, suffix):
    pixels = np.asarray(picture(1))
    wide = pixels[:, :, ::-1].astype(np.uint16) * 257
    np.testing.assert_array_equal(decode(by_opencv(np.ascontiguousarray(wide), suffix)), pixels)


def test_white_is_zero_in_sixteen_bit_tiff(decode):
    content = encoded(Image.fromarray(RAMP), "TIFF", tiffinfo={262: 0})
    np.testing.assert_array_equal(decode(content), grey(255 - np.rint(RAMP / 257).astype(np.uint8)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (RAMP / np.float32(65535), np.rint(RAMP.astype(np.float32) / np.float32(65535) * 255)),
        (RAMP.astype(np.float32) - 1000, np.rint(RAMP / 65535 * 255)),
        (np.full((8, 8), 7.5, np.float32), np.zeros((8, 8))),
        ((RAMP // 257).astype(np.int32), RAMP // 257),
        (RAMP.astype(np.int32), np.rint(RAMP / 257)),
        (RAMP.astype(np.int32) * 1000 - 5, np.rint(RAMP / 65535 * 255)),
    ],
)
def test_wide_greyscale_tiff(decode, values, expected):
    found = decode(encoded(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(found, grey(expected.astype(np.uint8)))


def test_floating_point_colour_tiff_is_read_by_opencv(decode):
    pixels = np.asarray(picture(2))
    content = by_opencv(np.ascontiguousarray(pixels[:, :, ::-1] / np.float32(255)), ".tiff")
    np.testing.assert_array_equal(decode(content), pixels)


def test_what_is_not_a_number_becomes_black():
    values = np.array([[np.nan, np.inf, -np.inf, 0.0, 1.0]], np.float32)
    np.testing.assert_array_equal(to_bytes(values), [[0, 0, 0, 0, 255]])
    np.testing.assert_array_equal(to_bytes(np.full((2, 2), np.nan)), np.zeros((2, 2)))


def test_greyscale_and_black_and_white(decode):
    values = picture(3).convert("L")
    np.testing.assert_array_equal(decode(encoded(values, "PNG")), grey(np.asarray(values)))
    bits = values.convert("1")
    np.testing.assert_array_equal(decode(encoded(bits, "TIFF")), grey(np.asarray(bits) * np.uint8(255)))


def test_palette_gives_its_colours(decode):
    small = picture(4).quantize(16)
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        np.testing.assert_array_equal(decode(encoded(small, kind)), np.asarray(small.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_alpha_lies_on_white(decode, kind):
    photo = Image.new("RGBA", (64, 64), (200, 0, 0, 255))
    photo.paste((0, 0, 0, 0), (0, 0, 32, 64))
    photo.paste((0, 0, 0, 128), (32, 0, 64, 32))
    found = decode(encoded(photo, kind, **({"lossless": True} if kind == "WEBP" else {}))).astype(int)
    assert np.abs(found[32, 8] - 255).max() <= 3
    assert np.abs(found[16, 48] - 127).max() <= 4
    assert np.abs(found[48, 48] - (200, 0, 0)).max() <= 8


def test_grey_with_alpha_and_transparent_palette_and_transparent_colour(decode):
    half = Image.new("LA", (4, 4), (0, 0))
    assert (decode(encoded(half, "PNG")) == 255).all()
    indexed = Image.new("P", (4, 4), 1)
    indexed.putpalette([0, 0, 0, 9, 9, 9])
    assert (decode(encoded(indexed, "PNG", transparency=1)) == 255).all()
    assert (decode(encoded(indexed, "GIF", transparency=1)) == 255).all()
    assert (decode(encoded(Image.new("RGB", (4, 4), (1, 2, 3)), "PNG", transparency=(1, 2, 3))) == 255).all()


def png(values, bits, colour, clear):
    """A PNG of numbers [height, width, samples] of so many bits, and one transparent colour."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = [np.packbits((row.reshape(-1, 1) >> np.arange(bits - 1, -1, -1)) & 1).tobytes() for row in values]
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, colour, 0, 0, 0)
    parts = {b"IHDR": header, b"tRNS": struct.pack(f">{len(clear)}H", *clear)}
    parts |= {b"IDAT": zlib.compress(b"".join(b"\0" + row for row in rows)), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content) for name, content in parts.items())


@pytest.mark.parametrize(("bits", "samples"), [(2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)])
def test_one_transparent_colour_of_a_png_of_any_depth_lies_on_white(decode, bits, samples):
    most = 2**bits - 1
    values = np.random.default_rng(bits).integers(0, most + 1, (12, 10, samples))
    values[3:6] = values[0, 0] = most // 3
    shares = np.where((values == most // 3).all(axis=2, keepdims=True), 1, values / most)
    found = decode(png(values, bits, 0 if samples == 1 else 2, [most // 3] * samples))
    assert np.abs(found - 255 * shares).max() <= 1


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_ink_darkens_whichever_way_adobe_wrote_it(decode, kind):
    # Pillow writes CMYK JPEGs with Adobe's marker and inverted inks, as Photoshop does.
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    for ink, colour in {
        (255, 0, 0, 0): (0, 255, 255),
        (0, 0, 0, 0): (255, 255, 255),
        (0, 0, 0, 255): (0, 0, 0),
    }.items():
        found = decode(encoded(Image.new("CMYK", (16, 16), ink), kind, **options))
        assert np.abs(found.astype(int) - colour).max() <= 2


def test_lab_and_ycbcr_are_converted():
    assert to_rgb(Image.new("LAB", (2, 2), (255, 128, 128))).mode == "RGB"
    assert to_rgb(Image.new("YCbCr", (2, 2), (255, 128, 128))).getpixel((0, 0)) == (255, 255, 255)


def test_colour_profiles_are_ignored(decode):
    photo = picture(5)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    np.testing.assert_array_equal(decode(encoded(photo, "PNG", icc_profile=profile)), np.asarray(photo))
