"""The file formats that may hold a photo: told by their first bytes, never by the file's name.

Only these are ever handed to a decoder, so that a PostScript file named `photo.jpg` runs nothing.
"""

import os
from collections.abc import Callable
from typing import IO

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

HEAD_BYTES = 512
RAW = "RAW"
TAIL_BYTES = 64 * 1024
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
}
# Cameras' raw files that are no TIFF by their first bytes: Fujifilm, Olympus, Panasonic, Sigma, Minolta, Canon.
RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
RAW_BRAND = b"crx "
PNG_SCALES = {"L;2": 85, "L;4": 17}
END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
SUPPORTED = "AVIF, BMP, GIF, HEIF, JPEG, PNG, TIFF or WebP"


class RefusedError(Exception):
    """A sound file that gives no photo here: `reason` is `"raw"` or `"unsupported"`."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason apart from the detail, as `PhotoError` does."""
        super().__init__(detail)
        self.reason = reason


def sniff(head: bytes) -> str | None:
    """Tell the format from a file's first `HEAD_BYTES`; `RAW`: a camera's raw file; None: no photo."""
    for start, kind in STARTS.items():
        if head.startswith(start):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    # "BM" alone begins many a text.
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in BMP_HEADER_SIZES:
        return "BMP"
    if head.startswith(RAW_STARTS):
        return RAW
    return _sniff_boxes(head) if head[4:8] == b"ftyp" else None


def _sniff_boxes(head: bytes) -> str | None:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, end, 4))}
    if RAW_BRAND in brands:
        return RAW
    if brands & AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & HEIF_BRANDS else None


def open_as(kind: str, file: IO[bytes]) -> ImageFile:
    """Read the header of a file whose format is known.

    `PIL.Image.open` would judge the size by its own global limit, and warn; its decoders do not.

    Raises:
        Exception: whatever the decoder makes of a damaged header.
    """
    decoders: dict[str, Callable[[IO[bytes]], ImageFile]] = {
        "AVIF": AvifImagePlugin.AvifImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": _open_png,
        "TIFF": TiffImagePlugin.TiffImageFile,
        "WEBP": WebPImagePlugin.WebPImageFile,
        "HEIF": _open_heif,
    }
    file.seek(0)
    return decoders[kind](file)


def _open_png(file: IO[bytes]) -> ImageFile:
    """Open a PNG; Pillow leaves its one transparent colour in the file's own bits, and widens or narrows the pixels."""
    image = PngImagePlugin.PngImageFile(file)
    clear, raw_mode = image.info.get("transparency"), str(image.tile[0].args if image.tile else "")
    if isinstance(clear, int):
        image.info["transparency"] = clear * PNG_SCALES.get(raw_mode, 1)
    elif isinstance(clear, tuple) and raw_mode == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    return image


def _open_heif(file: IO[bytes]) -> ImageFile:
    from pillow_heif import HeifImageFile

    return HeifImageFile(file)  # type: ignore[no-any-return]


def is_cut_short(kind: str, file: IO[bytes]) -> bool:
    """Whether a file that would not decode lacks its end: it was not copied or loaded completely."""
    size = file.seek(0, os.SEEK_END)
    if kind in END_MARKS:
        file.seek(max(0, size - TAIL_BYTES))
        return END_MARKS[kind] not in file.read()
    if kind == "GIF":
        file.seek(max(0, size - 1))
        return file.read() != b"\x3b"
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if kind == "WEBP":
        return int.from_bytes(head[4:8], "little") + 8 > size
    if kind == "BMP":
        return int.from_bytes(head[2:6], "little") > size
    return kind in {"AVIF", "HEIF"} and _boxes_end(file, size) > size


def _boxes_end(file: IO[bytes], size: int) -> int:
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:  # the length is a 64-bit number behind the box's name
            length = int.from_bytes(header[8:16], "big")
        if length == 0:  # the last box reaches to the end, wherever that is
            return size
        position += max(length, 8)
    return position
