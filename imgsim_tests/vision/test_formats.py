import io

import pytest

from imgsim_assets.vision.formats import is_cut_short, open_as, sniff
from imgsim_tests.broken_files import encoded, picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF"])
def test_a_format_is_told_by_its_first_bytes(kind):
    content = encoded(picture(1), kind)
    assert sniff(content[:512]) == kind
    assert open_as(kind, io.BytesIO(content)).size == picture(1).size
    assert not is_cut_short(kind, io.BytesIO(content))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BM",
        b"BMW is a make of cars.",
        b"RIFF\0\0\0\0WAVE",
        b"\0\0\0\x18ftypisom\0\0\2\0isommp42",
        b"%!PS",
        b"II",
        b"GIF8",
    ],
)
def test_other_files_are_no_photos(head):
    assert sniff(head) is None


@pytest.mark.parametrize(("brand", "kind"), [(b"avif", "AVIF"), (b"heic", "HEIF"), (b"miaf", None)])
def test_a_general_main_brand_is_decided_by_the_compatible_ones(brand, kind):
    assert sniff(b"\0\0\0\x18ftypisom\0\0\0\0miaf" + brand + b"heicavif") == kind


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "AVIF", "HEIF"])
def test_a_file_without_its_end_is_cut_short(kind):
    content = encoded(picture(1), kind)
    assert is_cut_short(kind, io.BytesIO(content[: len(content) * 2 // 3]))


def test_boxes_of_every_length_form_end():
    start = b"\0\0\0\x10ftypheic\0\0\0\0"
    assert not is_cut_short("HEIF", io.BytesIO(start + b"\0\0\0\0mdat" + bytes(9)))
    assert is_cut_short("HEIF", io.BytesIO(start + b"\0\0\0\1mdat" + (99).to_bytes(8, "big")))
