"""Writes TIFFs of every kind, tag by tag, so that what is in them is known whatever library reads them."""

import struct
import zlib

import numpy as np

TYPES = {1: "B", 3: "H", 4: "I"}  # and 2: bytes as they are
KINDS = {"u": 1, "i": 2, "f": 3}


def tiff(pixels: np.ndarray, photometric: int, *, order: str = "<", planes: bool = False, **options: object) -> bytes:
    """Give a TIFF of one strip, or of one for each plane.

    Args:
        pixels: [height, width, samples] of the type that is to be in the file.
        photometric: 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr.
        order: `<` or `>`.
        planes: whether each sample has a plane of its own.
        options: `deflate`; `bits`, with `data` already packed; `more` tags; and those of `directory`.
    """
    height, width, samples = pixels.shape
    bits = options.get("bits", pixels.dtype.itemsize * 8)
    parts = [pixels[:, :, one] for one in range(samples)] if planes else [pixels]
    data = options.get("data") or [part.astype(pixels.dtype.newbyteorder(order)).tobytes() for part in parts]
    if options.get("deflate"):
        data = [zlib.compress(part) for part in data]
    tags = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * samples),
        259: (3, [8 if options.get("deflate") else 1]),
        262: (3, [photometric]),
        277: (3, [samples]),
        278: (4, [height]),
        284: (3, [2 if planes else 1]),
        339: (3, [KINDS[pixels.dtype.kind]] * samples),
        **options.get("more", {}),
    }
    return joined([(tags, data)], order)


def joined(pages: list[tuple[dict, list[bytes]]], order: str = "<", subs: list[tuple[dict, list[bytes]]] = ()) -> bytes:
    """Give a TIFF of these directories, one behind the other; `subs` are sub-directories of the first."""
    content = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 0))
    starts = [_directory(content, tags, data, order)[0] for tags, data in subs]
    link = 4
    for number, (tags, data) in enumerate(pages):
        below = {330: (4, starts)} if starts and number == 0 else {}
        start, following = _directory(content, {**tags, **below}, data, order)
        struct.pack_into(order + "I", content, link, start)
        link = following
    return bytes(content)


def _directory(content: bytearray, tags: dict, data: list[bytes], order: str) -> tuple[int, int]:
    """Append data and directory; give where it starts, and where it says which one follows."""
    offsets = []
    for part in data:
        offsets.append(len(content))
        content += part + bytes(len(part) % 2)
    tags = {**tags, 273: (4, offsets), 279: (4, [len(part) for part in data])}
    start = len(content)
    behind = start + 2 + 12 * len(tags) + 4
    entries, values = struct.pack(order + "H", len(tags)), b""
    for tag, (kind, numbers) in sorted(tags.items()):
        raw = numbers[0] if kind == 2 else struct.pack(order + str(len(numbers)) + TYPES[kind], *numbers)
        entries += struct.pack(order + "HHI", tag, kind, len(raw) if kind == 2 else len(numbers))
        if len(raw) <= 4:
            entries += raw.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", behind + len(values))
            values += raw + bytes(len(raw) % 2)
    content += entries + bytes(4) + values
    return start, behind - 4
