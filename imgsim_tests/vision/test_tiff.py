import itertools
import struct

import numpy as np
import pytest

from imgsim_assets.vision.photo import decode_photo
from imgsim_assets.vision.photo_file import PhotoError
from imgsim_tests.broken_files import encoded, picture
from imgsim_tests.vision.tiffs import joined, tiff

LIMIT = 1_000_000
HEIGHT, WIDTH = 24, 40
DOWN, ACROSS = np.mgrid[:HEIGHT, :WIDTH]
SHARES = np.stack([ACROSS / WIDTH, DOWN / HEIGHT, (ACROSS + DOWN) % 32 / 31, 1 - ACROSS / WIDTH], axis=2)
TYPES = ["u1", "u2", "u4", "i2", "i4", "f2", "f4", "f8"]
ORDERS = ["<", ">"]


@pytest.fixture
def decode(tmp_path):
    def run(content: bytes, limit: int = LIMIT) -> np.ndarray:
        (tmp_path / "photo").write_bytes(content)
        return np.asarray(decode_photo(tmp_path / "photo", limit))

    return run


@pytest.fixture
def reason(decode):
    def run(content: bytes, limit: int = LIMIT) -> tuple[str, str]:
        with pytest.raises(PhotoError) as caught:
            decode(content, limit)
        return caught.value.reason, caught.value.detail

    return run


def numbers(shares, kind):
    """What a file of this type holds for shares of white in 0 to 1."""
    stored = np.dtype(kind)
    return shares.astype(stored) if stored.kind == "f" else np.rint(shares * np.iinfo(stored).max).astype(stored)


def expected(stored):
    """What the table of `colour` says of stored numbers, as shares of white."""
    values = stored.astype(np.float64)
    if stored.dtype.kind == "u" and stored.dtype.itemsize <= 2:
        return values / np.iinfo(stored.dtype).max
    if stored.dtype.kind == "f" and values.min() >= 0 and values.max() <= 1:
        return values
    if values.min() >= 0 and values.max() <= 65535:
        return values / 65535
    return (values - values.min()) / (values.max() - values.min())


# Grey (0: white is zero, 1: black is zero), RGB, with what stands in for alpha: 0 nothing, 1 premultiplied, 2 straight.
LAYOUTS = [(0, 1, None), (1, 1, None), (1, 2, 0), (1, 2, 1), (1, 2, 2), (2, 3, None), (2, 4, 0), (2, 4, 1), (2, 4, 2)]
LAYOUTS.append((5, 4, None))


def on_white(layout, stored):
    photometric, samples, extra = layout
    colour = expected(stored)[:, :, :-1] if extra == 1 else expected(stored if extra is None else stored[:, :, :-1])
    if photometric == 5:
        return (1 - colour[:, :, :3]) * (1 - colour[:, :, 3:])
    colour = 1 - colour if photometric == 0 else colour
    alpha = expected(stored[:, :, samples - 1 :]) if extra else np.ones((HEIGHT, WIDTH, 1))
    return (colour if extra == 1 else colour * alpha) + 1 - alpha


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_mixture_is_read_right_or_refused_with_its_reason(decode, layout, kind):
    photometric, samples, extra = layout
    shares = SHARES[:, :, : samples - (extra is not None)]
    if extra is not None:
        alpha = SHARES[:, :, :1]
        shares = np.concatenate([shares * alpha if extra == 1 else shares, alpha], axis=2)
    stored = numbers(shares, kind)
    more = {} if extra is None else {338: (3, [extra])}
    refused = set()
    for order, planes, deflate in itertools.product(ORDERS, {False, samples > 1}, (False, True)):
        content = tiff(stored, photometric, order=order, planes=planes, deflate=deflate, more=more)
        try:
            found = decode(content)
        except PhotoError as error:
            refused.add((error.reason, kind in ("u1", "u2") and samples != 2))
            continue
        difference = np.abs(found - 255 * on_white(layout, stored)).max()
        assert difference <= 3.5, (order, planes, deflate)
    assert refused <= {("unsupported", False)}  # and never of the usual kinds; grey with alpha is none


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize(("photometric", "samples"), [(0, 1), (1, 1), (2, 3)])
def test_packed_numbers_of_more_than_eight_bits_are_widened(decode, photometric, samples, bits, order):
    stored = np.rint(SHARES[:, :, :samples] * (2**bits - 1)).astype(np.uint16)
    rows = [np.packbits((row.reshape(-1, 1) >> np.arange(bits - 1, -1, -1)) & 1) for row in stored]
    found = decode(tiff(stored, photometric, order=order, bits=bits, data=[b"".join(map(bytes, rows))]))
    share = stored / (2**bits - 1)
    assert np.abs(found - 255 * (1 - share if photometric == 0 else share)).max() <= 1.5


@pytest.mark.parametrize("scale", [257, 1])
@pytest.mark.parametrize("order", ORDERS)
def test_palettes_of_sixteen_and_of_eight_bits(decode, order, scale):
    colours = np.random.default_rng(0).integers(0, 256, (3, 256))
    stored = numbers(SHARES[:, :, :1], "u1")
    content = tiff(stored, 3, order=order, more={320: (3, [int(one) * scale for one in colours.ravel()])})
    np.testing.assert_array_equal(decode(content), np.moveaxis(colours[:, stored[:, :, 0]], 0, 2))


@pytest.mark.parametrize("order", ORDERS)
def test_colour_with_shared_chroma(decode, order):
    grey = numbers(SHARES[:, :, 0], "u1")
    blocks = grey.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).transpose(0, 2, 1, 3).reshape(HEIGHT // 2, WIDTH // 2, 4)
    data = np.concatenate([blocks, np.full((HEIGHT // 2, WIDTH // 2, 2), 128, np.uint8)], axis=2).tobytes()
    content = tiff(np.dstack([grey] * 3), 6, order=order, data=[data], more={530: (3, [2, 2])})
    assert np.abs(decode(content).astype(int) - grey[:, :, None]).max() <= 1


def test_signed_bytes_are_stretched(decode):
    stored = (numbers(SHARES[:, :, :1], "u1").astype(int) - 128).astype(np.int8)
    assert np.abs(decode(tiff(stored, 1)) - 255 * expected(stored)).max() <= 1


@pytest.mark.parametrize("compression", [50002, 52546, 34712, 34887, 34933, 34934, 50001, 4711])
@pytest.mark.parametrize("photometric", [1, 2])
def test_a_compression_that_no_decoder_has_is_said(reason, compression, photometric):
    stored = numbers(SHARES[:, :, : 2 * photometric - 1], "u1")
    found, detail = reason(tiff(stored, photometric, more={259: (3, [compression])}))
    assert found == "unsupported"
    assert "compression" in detail


def page(shade: int, size: int, **tags: int) -> tuple[dict, list[bytes]]:
    kinds = {"subfile": (254, 4), "old_subfile": (255, 3), "photometric": (262, 3), "compression": (259, 3)}
    chosen = {kinds[name][0]: (kinds[name][1], [value]) for name, value in tags.items()}
    sizes = {256: (4, [size]), 257: (4, [size]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1])}
    return {**sizes, 278: (4, [size]), **chosen}, [bytes([shade]) * size * size]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("flag", [{"subfile": 1}, {"subfile": 5}, {"subfile": 4}, {"old_subfile": 2}])
def test_the_photo_is_the_first_page_that_is_no_preview(decode, order, flag):
    small, large, other = page(9, 4, **flag), page(90, 16), page(200, 32)
    assert decode(joined([small, large, other], order)).shape == (16, 16, 3)
    assert decode(joined([large, small], order)).shape == (16, 16, 3)
    assert decode(joined([small], order, subs=[large])).shape == (16, 16, 3)
    assert decode(joined([small], order)).shape == (4, 4, 3)
    assert decode(joined([large], order, subs=[small, other])).shape == (16, 16, 3)


@pytest.mark.parametrize("order", ORDERS)
def test_a_small_first_page_of_the_same_form_is_a_preview_without_being_called_one(decode, order):
    small, large, half = page(9, 4), page(90, 16), page(200, 8)
    assert decode(joined([small, large], order)).shape == (16, 16, 3)
    assert decode(joined([small], order, subs=[large])).shape == (16, 16, 3)
    assert decode(joined([half, large], order)).shape == (8, 8, 3)
    wide = ({**large[0], 256: (4, [32]), 257: (4, [16])}, [bytes(512)])
    assert decode(joined([small, wide], order)).shape == (4, 4, 3)
    assert decode(joined([large, small], order)).shape == (16, 16, 3)


def test_a_preview_is_not_the_photo_where_the_rest_is_missing(reason):
    small, large = page(9, 4, subfile=1), page(90, 64)
    behind = joined([small, large])
    assert reason(behind[:-100])[0] in ("truncated", "damaged")
    below = bytearray(joined([small], subs=[large]))
    place = below.index(struct.pack("<HHI", 330, 4, 1)) + 8
    below[place : place + 4] = struct.pack("<I", 9_999_999)
    assert reason(bytes(below))[0] == "damaged"


def test_pages_in_a_circle_end(decode):
    content = bytearray(joined([page(9, 4, subfile=1), page(90, 16, subfile=1)]))
    content[-4:] = content[4:8]
    assert decode(bytes(content)).shape == (4, 4, 3)


RAW_WAYS = {
    "filter array": [page(90, 64, photometric=32803)],
    "linear": [page(90, 64, photometric=34892)],
    "Nikon": [page(90, 64, compression=34713)],
    "Sony": [page(90, 64, compression=32767)],
}


@pytest.mark.parametrize("way", RAW_WAYS)
def test_a_cameras_raw_file_is_none_of_its_previews(reason, way):
    preview, main = page(200, 16, subfile=1), RAW_WAYS[way]
    for content in (
        joined([preview], subs=main),
        joined([preview, *main]),
        joined(main),
        joined([page(1, 8)], subs=main),
    ):
        assert reason(content)[0] == "raw"
    tags, data = page(200, 16)
    assert reason(joined([({**tags, 50706: (1, [1, 4, 0, 0])}, data)]))[0] == "raw"


@pytest.mark.parametrize(
    "head",
    [
        b"FUJIFILMCCD-RAW 0201",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x18\0\0\0",
        b"FOVb",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    ],
)
def test_raw_files_are_told_by_their_first_bytes(reason, head):
    assert reason(head + bytes(600))[0] == "raw"


def test_raw_files_with_a_tiffs_first_bytes_are_told_by_the_mark_behind_them(decode, reason):
    tags, (data,) = page(9, 4)
    make = {**tags, 271: (2, [b"Phase One A/S"])}
    assert reason(joined([(tags, [b"CR\2\0" + data])]))[0] == "raw"
    assert reason(joined([(make, [b"IIII" + data])]))[0] == "raw"
    assert decode(joined([page(ord("I"), 4)])).shape == (4, 4, 3)


def test_a_big_tiff_that_pillow_cannot_follow_is_not_called_truncated(reason):
    found, detail = reason(b"MM\0+" + struct.pack(">HHQ", 8, 0, 16) + bytes(99))
    assert found == "unsupported"
    assert "BigTIFF" in detail


def test_what_stands_beside_the_pixels_loses_no_photo(decode):
    stored = numbers(SHARES[:, :, :3], "u1")
    pointers = {tag: (4, [4_000_000]) for tag in (34665, 34853, 40965, 330)}
    for more in (
        pointers,
        {34675: (1, list(range(7)))},
        {700: (1, [60, 120])},
        {34377: (1, [1, 2, 3])},
        {282: (4, [0])},
    ):
        np.testing.assert_array_equal(decode(tiff(stored, 2, more=more)), stored)


def test_a_tiff_without_its_end_is_truncated(reason):
    content = tiff(numbers(SHARES[:, :, :3], "f4"), 2)
    assert reason(content[:-40])[0] in ("truncated", "damaged")
    assert reason(content[: len(content) // 2])[0] == "truncated"
    whole = encoded(picture(1), "TIFF", compression="tiff_lzw")
    assert reason(whole[: len(whole) // 2])[0] == "truncated"


def test_samples_and_tiles_that_would_take_more_memory_than_allowed_are_refused(decode, reason):
    shares = np.broadcast_to(SHARES[:1, :1, :3], (100, 100, 3))
    content = tiff(numbers(shares, "f8"), 2, deflate=True)
    assert decode(content, 30_000).shape == (100, 100, 3)
    assert reason(content, 29_999)[0] == "oversized"
    tile = {322: (4, [4096]), 323: (4, [4096]), 324: (4, [8]), 325: (4, [64])}
    assert reason(tiff(numbers(shares, "u1"), 2, more=tile), 1_000_000)[0] == "oversized"
