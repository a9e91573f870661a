"""Writes files that are no photos, in many ways, for every test that must survive them."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

SIDE = 96


def picture(seed: int, side: int = SIDE) -> Image.Image:
    """Draw an RGB picture with structure at many scales, the same for the same seed."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.int16)
    grain = generator.integers(-6, 7, (side, side, 3), dtype=np.int16)
    return Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Give the bytes of `image` as a file of a Pillow format, HEIF included."""
    if kind == "HEIF":
        file = pillow_heif.from_pillow(image)
        buffer = io.BytesIO()
        file.save(buffer, **options)
        return buffer.getvalue()
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_broken_files(folder: Path) -> dict[str, str]:
    """Write one broken file of each kind into `folder`.

    Returns:
        The expected quarantine reason by file name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for reason, files in {**_no_images(), **_damaged(), "truncated": _truncated()}.items():
        for name, content in files.items():
            (folder / name).write_bytes(content)
            expected[name] = reason
    return {**expected, **_write_special_files(folder)}


def _no_images() -> dict[str, dict[str, bytes]]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("photo.jpg", encoded(picture(900), "JPEG"))
    return {
        "empty": {"empty.jpg": b"", "empty.png": b""},
        "not an image": {
            "notes.txt": b"Remember to buy milk.\n",
            "text.jpg": b"BM is also how a text can begin.\n",
            "not_found.png": b"<!DOCTYPE html><html><title>404 Not Found</title></html>",
            "zeros.jpg": bytes(4096),
            "random.webp": np.random.default_rng(7).bytes(4096),
            "archive.jpg": archive.getvalue(),
            "page.png": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
            "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
            "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
            "film.avif": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(64),
            "sound.webp": b"RIFF\x24\0\0\0WAVEfmt " + bytes(28),
            "pickle.jpg": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07photo.j\x94.",
        },
    }


def _truncated() -> dict[str, bytes]:
    kinds = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "avif": "AVIF", "heic": "HEIF"}
    halves = {f"half.{suffix}": encoded(picture(901), kind) for suffix, kind in kinds.items()}
    halves["half.tif"] = encoded(picture(901), "TIFF", compression="raw")
    cut = {name: content[: len(content) // 2] for name, content in halves.items()}
    return {**cut, "start_only.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0", "start_only.png": b"\x89PNG\r\n\x1a\n"}


def _damaged() -> dict[str, dict[str, bytes]]:
    sound = encoded(picture(902), "PNG")
    data = sound.index(b"IDAT")
    scrambled = _png_chunk(b"IDAT", b"no deflate stream")
    start, end = sound[: data - 4], _png_chunk(b"IEND", b"")
    return {
        "damaged": {
            "checksum.png": sound[: data + 20]
            + bytes(byte ^ 255 for byte in sound[data + 20 : data + 40])
            + sound[data + 40 :],
            "scrambled.png": start + scrambled + end,
            "no_pixels.png": _png_header(0, 0) + scrambled + end,
            "no_pixels.bmp": _bmp_header(0, 0),
            "no_frames.gif": b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0, 0, 0) + b"\x3b",
            "no_tags.tif": b"II*\0\x08\0\0\0\0\0\0\0\0\0",
            "no_scan.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9",
        },
        "oversized": {
            "bomb.png": _png_header(60_000, 60_000) + scrambled + end,
            "bomb.gif": b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b"\x2c" + bytes(10) + b"\x3b",
            "bomb.bmp": _bmp_header(60_000, 60_000),
        },
    }


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def _bmp_header(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


def _write_special_files(folder: Path) -> dict[str, str]:
    """Links and pipes, where the operating system has them."""
    makers: dict[str, tuple[str, Callable[[Path], None]]] = {
        "broken_link.jpg": ("unreadable", lambda path: path.symlink_to("nowhere.jpg")),
        "looped_link.jpg": ("unreadable", lambda path: path.symlink_to("looped_link.jpg")),
    }
    if hasattr(os, "mkfifo"):
        makers["pipe.jpg"] = ("not a file", os.mkfifo)
    for name, (_, make) in makers.items():
        make(folder / name)
    return {name: reason for name, (reason, _) in makers.items()}
