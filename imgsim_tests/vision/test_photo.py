import struct
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from imgsim_assets.fingerprint import content_id
from imgsim_assets.vision import photo as photo_module
from imgsim_assets.vision.photo import decode_photo
from imgsim_assets.vision.photo_file import PhotoError
from imgsim_tests.broken_files import encoded, picture, write_broken_files
from imgsim_tests.budget import examples

LIMIT = 1_000_000
KINDS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF"]
STARTS = [encoded(picture(8, 16), kind)[:size] for kind in KINDS for size in (4, 12, 40)]
WHOLE = {kind: encoded(picture(8, 32), kind) for kind in KINDS}
TURNS = {
    1: [],
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90],
    6: [Image.Transpose.ROTATE_90],
    7: [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_270],
    8: [Image.Transpose.ROTATE_270],
}


def decode_bytes(content: bytes, name: str = "photo.jpg", limit: int = LIMIT) -> Image.Image:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return decode_photo(path, limit)


def outcome(content: bytes) -> Image.Image | PhotoError:
    try:
        return decode_bytes(content)
    except PhotoError as error:
        return error


def is_photo_or_reason(found: Image.Image | PhotoError) -> bool:
    return bool(found.reason and found.detail) if isinstance(found, PhotoError) else found.mode == "RGB"


def reason_of(content: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(PhotoError) as caught:
        decode_bytes(content, limit=limit)
    assert caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_read_whatever_the_name_says(kind):
    original = picture(5)
    found = decode_bytes(encoded(original, kind), "photo.weird")
    assert found.mode == "RGB"
    assert found.size == original.size
    assert np.abs(np.asarray(found, int) - np.asarray(original, int)).mean() < 12


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_formats_without_loss_give_the_very_pixels(kind):
    np.testing.assert_array_equal(np.asarray(decode_bytes(encoded(picture(6), kind))), np.asarray(picture(6)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_all_eight_orientations_give_the_upright_photo(orientation, kind):
    upright = Image.new("RGB", (64, 32), "red")
    upright.paste("blue", (0, 0, 32, 16))
    upright.paste("green", (32, 16, 64, 32))
    stored = upright
    for turn in TURNS[orientation]:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[274] = orientation
    found = decode_bytes(encoded(stored, kind, exif=exif.tobytes(), quality=95))
    assert found.size == upright.size
    for spot in [(16, 8), (48, 8), (16, 24), (48, 24)]:
        assert np.abs(np.subtract(found.getpixel(spot), upright.getpixel(spot))).max() < 30


def test_orientation_of_a_tiff_that_only_opencv_reads():
    pixels = np.zeros((2, 3, 3), np.float32)
    pixels[0, 0] = 1
    data = pixels.tobytes()
    tags = [(256, 4, 3), (257, 4, 2), (259, 3, 1), (262, 3, 2), (273, 4, 200), (274, 3, 6), (277, 3, 3), (278, 4, 2)]
    tags += [(279, 4, len(data)), (284, 3, 1)]
    entries = [struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags]
    entries.insert(2, struct.pack("<HHII", 258, 3, 3, 180))
    entries.append(struct.pack("<HHII", 339, 3, 3, 190))
    content = b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4)
    content = content.ljust(180, b"\0") + struct.pack("<HHH", 32, 32, 32)
    content = content.ljust(190, b"\0") + struct.pack("<HHH", 3, 3, 3)
    found = decode_bytes(content.ljust(200, b"\0") + data)
    assert found.size == (2, 3)
    assert found.getpixel((1, 0)) == (255, 255, 255)
    assert found.getpixel((0, 0)) == (0, 0, 0)
    assert reason_of(content.ljust(200, b"\0") + data, limit=5) == "oversized"


@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0garbage", b"Exif\0\0"])
def test_broken_exif_loses_no_photo(exif):
    photo = picture(7)
    np.testing.assert_array_equal(
        np.asarray(decode_bytes(encoded(photo, "JPEG", exif=exif))), np.asarray(decode_bytes(encoded(photo, "JPEG")))
    )


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations_give_their_first_frame(kind):
    frames = [picture(seed, 32).quantize(8).convert("RGB") for seed in (1, 2, 3)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(np.asarray(decode_bytes(content)), np.asarray(frames[0]))


def test_metadata_and_names_never_reach_the_photo():
    pixels = picture(9)
    exif = Image.Exif()
    exif[270] = "a cat"
    text = PngImagePlugin.PngInfo()
    text.add_text("label", "cat")
    plain = decode_bytes(encoded(pixels, "PNG"), "a.jpg")
    told = decode_bytes(encoded(pixels, "PNG", pnginfo=text, exif=exif.tobytes(), dpi=(7, 7)), "cat.png")
    assert told.info == plain.info == {}
    assert dict(told.getexif()) == {}
    assert told.tobytes() == plain.tobytes()
    assert not hasattr(told, "filename")


def test_the_limit_is_judged_by_the_header_and_allows_what_equals_it():
    content = encoded(picture(10, 20), "PNG")
    assert decode_bytes(content, limit=400).size == (20, 20)
    assert reason_of(content, limit=399) == "oversized"


def test_pillows_own_limit_neither_refuses_nor_warns_nor_changes(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("JPEG", "PNG", "BMP", "AVIF", "HEIF"):
            assert decode_bytes(WHOLE[kind]).size == (32, 32)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_warnings_never_break_a_photo():
    content = bytearray(encoded(picture(11, 16), "TIFF"))
    directory = struct.unpack("<I", content[4:8])[0]
    count = struct.unpack("<H", content[directory : directory + 2])[0]
    extra = struct.pack("<HHII", 65000, 2, 50_000, 7)  # an unknown tag whose text lies behind the file's end
    entries = content[directory + 2 : directory + 2 + 12 * count]
    moved = struct.pack("<H", count + 1) + entries + extra + bytes(4)
    content[4:8] = struct.pack("<I", len(content))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode_bytes(bytes(content) + moved).size == (16, 16)


def test_very_long_photos_are_photos():
    assert decode_bytes(encoded(Image.new("RGB", (60_000, 1)), "PNG")).size == (60_000, 1)


def test_broken_files_of_every_kind_have_their_reason(tmp_path):
    expected = write_broken_files(tmp_path)
    assert len(expected) >= 20
    found = {}
    for name in expected:
        with pytest.raises(PhotoError) as caught:
            decode_photo(tmp_path / name, 100_000_000)
        found[name] = caught.value.reason
        assert caught.value.detail
    assert found == expected


def test_what_is_decoded_is_what_is_asked_for_by_its_content(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(WHOLE["PNG"])
    known_by = content_id(path)
    assert decode_photo(path, LIMIT, known_by=known_by).size == (32, 32)
    for other in (WHOLE["JPEG"], b"", b"no photo"):
        path.write_bytes(other)
        with pytest.raises(PhotoError, match="changed") as caught:
            decode_photo(path, LIMIT, known_by=known_by)
        assert not caught.value.lasts
    path.unlink()
    with pytest.raises(PhotoError, match="unreadable") as caught:
        decode_photo(path, LIMIT, known_by=known_by)
    assert not caught.value.lasts


def test_a_lack_of_memory_says_nothing_of_the_photo(tmp_path, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(photo_module, "to_rgb", full)
    with pytest.raises(PhotoError, match="unreadable: there is not enough memory") as caught:
        decode_bytes(WHOLE["PNG"])
    assert not caught.value.lasts


@settings(max_examples=examples(150))
@given(start=st.sampled_from([b"", *STARTS]), rest=st.binary(max_size=300))
def test_random_bytes_are_a_photo_or_a_reason(start, rest):
    assert is_photo_or_reason(outcome(start + rest))


@settings(max_examples=examples(200))
@given(kind=st.sampled_from(KINDS), share=st.floats(0, 1))
def test_every_prefix_is_a_photo_or_a_reason(kind, share):
    content = WHOLE[kind][: int(len(WHOLE[kind]) * share)]
    found = outcome(content)
    assert is_photo_or_reason(found)
    if isinstance(found, PhotoError):
        assert found.reason in {"empty", "not an image", "truncated", "damaged"}
    else:
        assert found.size == (32, 32)


@settings(max_examples=examples(200))
@given(kind=st.sampled_from(KINDS), place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_one_wrong_byte_is_a_photo_or_a_reason(kind, place, byte):
    content = bytearray(WHOLE[kind])
    content[int(len(content) * place)] = byte
    assert is_photo_or_reason(outcome(bytes(content)))


def test_what_no_decoder_reads_is_unsupported():
    twelve = bytearray(WHOLE["JPEG"])
    twelve[twelve.index(b"\xff\xc0") + 4] = 12
    odd = bytearray(WHOLE["BMP"])
    odd[28:30] = (2).to_bytes(2, "little")
    assert (reason_of(bytes(twelve)), reason_of(bytes(odd))) == ("unsupported", "unsupported")
