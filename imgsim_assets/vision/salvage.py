"""Sound pictures in files that a decoder refuses: for what stands beside the pixels, or for a missing end mark.

Asked only where decoding has failed, so that it costs ordinary photos nothing.
"""

import io
import re
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image, ImageChops

from imgsim_assets.vision.formats import open_as

JPEG_END = b"\xff\xd9"
JPEG_SEGMENT = re.compile(rb"\xff+([\x01-\xcf\xd9-\xfe])")  # neither stuffing nor a restart mark
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
ARITHMETIC = frozenset({0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
SCAN, END = 0xDA, 0xD9
WORDS = frozenset({*range(0xE2, 0xEE), 0xEF, 0xFE})  # neither JFIF nor Adobe, nor what may say which side is up
PADDING = bytes(16)
MADE_UP = {127, 128}  # the middle of all values, also where inks are turned round
COEFFICIENTS = 64
NOISE = bytes(np.random.default_rng(0).integers(1, 255, 1024, np.uint8))
# What a decoder that still waits for data takes for it, at whichever restart mark it stands.
OTHER_DATA = b"".join(NOISE + bytes((0xFF, 0xD0 + count)) for count in range(8)) + NOISE

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_KEPT = {b"eXIf": b"", b"iTXt": b"XML:com.adobe.xmp\0"}  # they may say which side is up
PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
LARGEST_KEPT = 1 << 20


def salvage(kind: str, content: bytes) -> bytes | None:
    """Give a file of the same pixels that a decoder takes; None: they are damaged themselves, or not all there."""
    if kind == "PNG":
        return _png_of_pixels(content)
    return _jpeg_of_pixels(content) if kind == "JPEG" else None


def is_suspicious_jpeg(content: IO[bytes], image: Image.Image) -> bool:
    """Whether a JPEG that was decoded may lack data: its last pixel is made up, or zeros stand where they ended."""
    last = image.getpixel((image.width - 1, image.height - 1))
    content.seek(-len(PADDING), io.SEEK_END)
    return MADE_UP.issuperset(last if isinstance(last, tuple) else (last,)) or content.read() == PADDING


def is_whole_jpeg(content: bytes) -> bool:
    """Whether all the data of a JPEG's pixels are there, by decoding it twice with something else behind its data.

    Where pixels are missing, decoders make them up from what they find behind; where none is, nothing there matters.
    """
    marks = dict(_segments(content))
    if ARITHMETIC.intersection(marks):  # of which what follows says nothing: their last zeros are left out
        return END in marks
    data = content[: marks[END]] if END in marks else _without_padding(content)
    if not _all_scans(data):
        return False
    photos = [_decode(data + JPEG_END), _decode(data + OTHER_DATA + JPEG_END)]
    return ImageChops.difference(*photos).getbbox() is None


def _jpeg_of_pixels(content: bytes) -> bytes | None:
    """Keep of a JPEG what makes pixels, and give it an end."""
    data = _without_padding(_without_words(content))
    return data + JPEG_END if is_whole_jpeg(data) else None


def _without_words(content: bytes) -> bytes:
    kept, place = bytearray(), 0
    for mark, start in _segments(content):
        if mark == SCAN:
            break
        kept += content[place:start]
        place = start if mark not in WORDS else start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    return bytes(kept) + content[place:]


def _without_padding(content: bytes) -> bytes:
    """Cut off many zeros at the end, which a decoder would take for data; a zero behind 255 is data."""
    if content.endswith(PADDING):
        data = content.rstrip(b"\0")
        return data + b"\0" if data.endswith(b"\xff") else data
    return content.rstrip(b"\xff")


def _segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Give the marks of a JPEG, and where they begin."""
    place = 2
    while found := JPEG_SEGMENT.search(content, place):
        mark = found.group(1)[0]
        yield mark, found.start()
        if mark == END:
            return
        place = found.end() + int.from_bytes(content[found.end() : found.end() + 2], "big")


def _all_scans(content: bytes) -> bool:
    """Whether no scan is missing: each component has one, and a progressive one all bits of all coefficients."""
    missing: dict[int, list[int]] = {}
    progressive = False
    for mark, start in _segments(content):
        segment = content[start + 4 : start + 4 + 256]
        if mark in FRAMES and len(segment) >= 6:
            progressive = mark in PROGRESSIVE
            missing = {segment[6 + 3 * one]: [1] * COEFFICIENTS for one in range(segment[5])}
        elif mark == SCAN and segment:
            count = segment[0]
            first, last, bits = segment[1 + 2 * count : 4 + 2 * count] if progressive else (0, COEFFICIENTS - 1, 0)
            for one in segment[1 : 1 + 2 * count : 2]:
                missing[one][first : last + 1] = [bits & 15] * (last + 1 - first)
    return bool(missing) and not any(any(left) for left in missing.values())


def _decode(content: bytes) -> Image.Image:
    photo = open_as("JPEG", io.BytesIO(content))
    photo.load()
    return photo


def _png_of_pixels(content: bytes) -> bytes:
    """Keep of a PNG what makes pixels, and sound words on which side is up."""
    return PNG_START + b"".join(_chunks(content))


def has_sound_pixels(content: bytes) -> bool:
    """Whether the chunks that make a PNG's pixels have the checksums that were written with them.

    Pillow does not ask, and zeros where a file was not written to its end are pixels to it. A last chunk that is cut is
    left to the decoder, to which nothing may be missing.
    """
    place, view = len(PNG_START), memoryview(content)
    while place + 12 <= len(content):
        length, name = int.from_bytes(view[place : place + 4], "big"), bytes(view[place + 4 : place + 8])
        end = place + 8 + length
        if name in PNG_PIXELS and end + 4 <= len(content):
            if zlib.crc32(view[place + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
                return False
            if name == b"IEND":
                break
        place = end + 4
    return True


def _chunks(content: bytes) -> Iterator[bytes]:
    place = len(PNG_START)
    while place + 8 <= len(content):
        length, name = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        chunk = content[place : place + 12 + length]
        if name in PNG_PIXELS or _is_kept(name, chunk):
            yield chunk
        if name == b"IEND":
            return
        place += 12 + length


def _is_kept(name: bytes, chunk: bytes) -> bool:
    start = PNG_KEPT.get(name)
    sound = zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
    return start is not None and chunk[8:].startswith(start) and len(chunk) <= LARGEST_KEPT and sound
