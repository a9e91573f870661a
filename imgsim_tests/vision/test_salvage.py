import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from imgsim_assets.vision.photo import REDUCTIONS, decode_photo
from imgsim_assets.vision.photo_file import PhotoError
from imgsim_assets.vision.salvage import is_suspicious_jpeg, is_whole_jpeg, salvage
from imgsim_tests.broken_files import encoded, picture
from imgsim_tests.vision.lossless_jpeg import lossless_jpeg

LIMIT = 1_000_000
PHOTO = picture(3, 128)
JPEGS = {
    "baseline": encoded(PHOTO, "JPEG"),
    "full colour": encoded(PHOTO, "JPEG", subsampling=0, quality=97),
    "grey": encoded(PHOTO.convert("L"), "JPEG"),
    "CMYK": encoded(PHOTO.convert("CMYK"), "JPEG"),
    "progressive": encoded(PHOTO, "JPEG", progressive=True),
    "progressive grey": encoded(PHOTO.convert("L"), "JPEG", progressive=True),
    "restarts": encoded(PHOTO, "JPEG", restart_marker_rows=1),
    "many restarts": encoded(PHOTO, "JPEG", restart_marker_blocks=1),
    "progressive with restarts": encoded(PHOTO, "JPEG", progressive=True, restart_marker_rows=1),
    "grey ground": encoded(Image.new("RGB", (64, 64), (128, 128, 128)), "JPEG"),
    "lossless": lossless_jpeg(np.asarray(PHOTO.convert("L"))),
}


@pytest.fixture
def decode(tmp_path):
    def run(content: bytes, reduction: int = 1) -> np.ndarray:
        (tmp_path / "photo").write_bytes(content)
        return np.asarray(decode_photo(tmp_path / "photo", LIMIT, reduction))

    return run


@pytest.fixture
def reason(decode):
    def run(content: bytes) -> str:
        with pytest.raises(PhotoError) as caught:
            decode(content)
        return caught.value.reason

    return run


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("end", [b"", b"\xff", b"\0" * 600, b"\0\0\xff", b"later, somebody wrote here"])
def test_a_jpeg_with_all_its_pixels_needs_no_end(decode, kind, end):
    content = JPEGS[kind]
    if kind == "grey ground" and len(end) > 100:
        return  # its own last data are zeros, which cannot be told from those behind them
    np.testing.assert_array_equal(decode(content[:-2] + end), decode(content))


@pytest.mark.parametrize("kind", [kind for kind in JPEGS if kind != "grey ground"])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9", b"\0" * 3000])
def test_a_jpeg_without_its_last_pixels_is_truncated(decode, reason, kind, end):
    content = JPEGS[kind]
    # An end mark is believed where not even the last block is missing, and of progressive files.
    cuts = (12, 60, len(content) // 3) if end != b"\xff\xd9" else (len(content) // 3,) * ("pro" not in kind)
    for cut in cuts:
        assert reason(content[:-cut] + end) == "truncated"


def test_a_progressive_jpeg_without_its_last_scans_is_truncated(reason):
    content = JPEGS["progressive"]
    starts = [place for place in range(len(content) - 1) if content[place : place + 2] == b"\xff\xda"]
    tables = content.rindex(b"\xff\xc4", 0, starts[-1])
    for cut in (starts[-1], tables if tables > starts[-2] else starts[-1], starts[3]):
        assert reason(content[:cut]) == "truncated"


def test_a_jpeg_cut_at_a_restart_is_truncated(reason):
    content = JPEGS["restarts"]
    for mark in (b"\xff\xd0", b"\xff\xd3", b"\xff\xd5"):
        assert reason(content[: content.index(mark)]) == "truncated"
        assert reason(content[: content.index(mark)] + b"\xff\xd9") == "truncated"


def test_made_up_pixels_and_zeros_for_data_are_suspicious():
    grey = Image.new("RGB", (9, 9), (128, 128, 128))
    content = JPEGS["baseline"]
    assert is_suspicious_jpeg(io.BytesIO(content), grey)
    assert is_suspicious_jpeg(io.BytesIO(content), Image.new("CMYK", (1, 1), (127, 127, 127, 127)))
    assert is_suspicious_jpeg(io.BytesIO(content + bytes(100)), PHOTO)
    assert not is_suspicious_jpeg(io.BytesIO(content), Image.new("RGB", (9, 9), (128, 128, 129)))
    assert is_whole_jpeg(JPEGS["grey ground"])
    assert is_whole_jpeg(content + bytes(100))
    assert not is_whole_jpeg(content[:-200] + b"\xff\xd9")


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_jpeg_is_looked_into_where_its_data_end(reason, turn):
    exif = Image.Exif()
    exif[274] = turn
    content = encoded(PHOTO, "JPEG", exif=exif)
    assert reason(content[: len(content) * 2 // 3] + b"\xff\xd9") == "truncated"


@pytest.mark.parametrize("kind", JPEGS)
def test_what_is_a_photo_whole_is_one_reduced(decode, kind):
    whole = Image.fromarray(decode(JPEGS[kind]))
    for content in (JPEGS[kind], JPEGS[kind][:-2]):
        for reduction in REDUCTIONS:
            shrunk = np.asarray(whole.reduce(reduction), int) if reduction > 1 else np.asarray(whole, int)
            found = decode(content, reduction)
            assert found.shape == shrunk.shape
            assert np.abs(found - shrunk).mean() < 4


def test_only_jpeg_and_png_are_salvaged():
    assert salvage("GIF", encoded(PHOTO, "GIF")) is None
    assert salvage("JPEG", JPEGS["baseline"][:-50]) is None


def chunk(name: bytes, content: bytes, *, sound: bool = True) -> bytes:
    check = zlib.crc32(name + content) ^ (0 if sound else 1)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


LARGE = bytes(3 << 20)
XMP = b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>'
BESIDE = {
    "large zTXt": chunk(b"zTXt", b"prompt\0\0" + zlib.compress(LARGE)),
    "large iTXt": chunk(b"iTXt", b"prompt\0\1\0\0\0" + zlib.compress(LARGE)),
    "many texts": chunk(b"zTXt", b"prompt\0\0" + zlib.compress(bytes(1 << 20))) * 70,
    "zTXt that is none": chunk(b"zTXt", b"prompt\0\0nothing deflated"),
    "zTXt of another way": chunk(b"zTXt", b"prompt\0\7nothing deflated"),
    "tEXt": chunk(b"tEXt", b"without an end of its name"),
    "empty": b"".join(chunk(name, b"") for name in (b"iTXt", b"zTXt", b"gAMA", b"cHRM", b"pHYs", b"iCCP", b"sRGB")),
    "iCCP": chunk(b"iCCP", b"profile\0\0nothing deflated"),
    "large iCCP": chunk(b"iCCP", b"profile\0\0" + zlib.compress(LARGE)),
    "wrong checksum": chunk(b"tEXt", b"label\0cat", sound=False),
    "wrong checksum of gAMA": chunk(b"gAMA", b"\0\0\0\1", sound=False),
    "EXIF": chunk(b"eXIf", b"nothing of the kind"),
    "EXIF of a wrong checksum": chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0", sound=False),
    "animation": chunk(b"acTL", b"\0"),
    "frame": chunk(b"fcTL", bytes(3)),
}


@pytest.mark.parametrize("what", BESIDE)
@pytest.mark.parametrize("mark", [b"IDAT", b"IEND"])
def test_what_stands_beside_a_pngs_pixels_does_not_matter(decode, what, mark):
    content = encoded(PHOTO, "PNG")
    place = content.index(mark) - 4
    np.testing.assert_array_equal(decode(content[:place] + BESIDE[what] + content[place:]), np.asarray(PHOTO))


@pytest.mark.parametrize("where", ["EXIF", "XMP"])
def test_words_on_which_side_is_up_outlast_a_large_text(decode, where):
    exif = Image.Exif()
    exif[274] = 6
    place = encoded(PHOTO, "PNG").index(b"IDAT") - 4
    said = chunk(b"eXIf", exif.tobytes()[6:]) if where == "EXIF" else chunk(b"iTXt", XMP)
    content = encoded(PHOTO.crop((0, 0, 128, 64)), "PNG")
    assert decode(content[:place] + said + BESIDE["large zTXt"] + content[place:]).shape == (128, 64, 3)
    assert decode(content[:place] + said + content[place:]).shape == (128, 64, 3)


def test_a_pngs_damaged_pixels_stay_damaged(reason):
    content = bytearray(encoded(PHOTO, "PNG"))
    content[len(content) // 2] ^= 1
    assert reason(bytes(content)) == "damaged"
    whole = encoded(PHOTO, "PNG")
    assert reason(whole[: len(whole) // 2]) == "truncated"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_zeros_where_a_png_was_not_written_to_its_end_are_no_pixels(reason, share):
    for content in (encoded(PHOTO, "PNG"), encoded(PHOTO.quantize(16), "PNG", transparency=2)):
        assert reason(content[: int(len(content) * share)].ljust(len(content), b"\0")) == "damaged"


def test_a_png_needs_neither_its_end_nor_its_last_checksum(decode):
    content = encoded(PHOTO, "PNG")
    for missing in (4, 12, 14, 16):
        np.testing.assert_array_equal(decode(content[:-missing]), np.asarray(PHOTO))


def test_transparency_and_palettes_outlast_a_large_text(decode):
    photo = PHOTO.quantize(16)
    buffer = io.BytesIO()
    photo.save(buffer, "PNG", transparency=3)
    content = buffer.getvalue()
    place = content.index(b"IDAT") - 4
    np.testing.assert_array_equal(decode(content[:place] + BESIDE["large iTXt"] + content[place:]), decode(content))


@pytest.mark.parametrize("mark", range(0xE0, 0xF0))
def test_what_stands_beside_a_jpegs_pixels_does_not_matter(decode, mark):
    content = JPEGS["baseline"]
    starts = (
        b"Exif\0\0",
        b"http://ns.adobe.com/xap/1.0/\0",
        b"ICC_PROFILE\0\1\2",
        b"Photoshop 3.0\x008BIM\4\4",
        b"MPF\0",
    )
    for start in (*starts, b"FPXR\0", b"") if mark != 0xE0 and mark != 0xEE else (b"",):
        for rest in (b"", b"\xff", bytes(range(200))):
            body = start + rest
            segment = bytes([255, mark]) + (len(body) + 2).to_bytes(2, "big") + body
            np.testing.assert_array_equal(decode(content[:2] + segment + content[2:]), decode(content))


def test_pillows_own_limits_are_left_alone(decode):
    before = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    content = encoded(PHOTO, "PNG")
    decode(content[:33] + BESIDE["large zTXt"] + content[33:])
    assert before == (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY)
