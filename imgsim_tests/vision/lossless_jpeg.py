"""Writes lossless JPEGs (SOF3) of one channel, which no library of the environment does."""

import numpy as np

CODE_BITS = 4  # of each of the nine categories that differences of eight bits have


def lossless_jpeg(grey: np.ndarray) -> bytes:
    """Give the JPEG of a picture, uint8 [height, width]: each pixel is kept as its difference to a neighbour."""
    height, width = grey.shape
    values = grey.astype(int)
    before = np.empty_like(values)
    before[:, 1:] = values[:, :-1]
    before[1:, 0] = values[:-1, 0]
    before[0, 0] = 128
    bits = "".join(_code(int(one)) for one in (values - before).ravel())
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    counts = [0, 0, 0, 9, *[0] * 12]
    segments = [
        (0xC3, bytes([8, *height.to_bytes(2, "big"), *width.to_bytes(2, "big"), 1, 1, 0x11, 0])),
        (0xC4, bytes([0, *counts, *range(9)])),
        (0xDA, bytes([1, 1, 0, 1, 0, 0])),
    ]
    head = b"".join(bytes([255, mark]) + (len(body) + 2).to_bytes(2, "big") + body for mark, body in segments)
    return b"\xff\xd8" + head + data + b"\xff\xd9"


def _code(difference: int) -> str:
    category = abs(difference).bit_length()
    rest = difference if difference > 0 else difference + 2**category - 1
    return format(category, f"0{CODE_BITS}b") + (format(rest, f"0{category}b") if category else "")
