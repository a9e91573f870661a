"""Every kind of pixel turned into 8-bit RGB.

| in the file | becomes |
|---|---|
| greyscale, black and white | the same value in all three channels |
| palette | the palette's colours |
| alpha, or one transparent colour | the photo laid on white |
| CMYK | (255 - ink) * (255 - black) / 255; Adobe's inverted CMYK JPEGs are turned back first |
| YCbCr, Lab | Pillow's conversion to sRGB |
| 16 bits, greyscale | value / 257, rounded |
| 16 bits, colour | the high byte: within one level of value / 257, and equal to it where 8 bits were widened |
| 32-bit integers | as 8 bits if all are in 0 to 255, as 16 bits if in 0 to 65535, else stretched |
| floating point | times 255 if all are in 0 to 1, else stretched |

Stretched: the photo's own smallest value becomes 0, its largest 255. What is not a number becomes 0.
Colour profiles (ICC) are ignored: most photos are sRGB or near it, and the models never saw profiles.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

SIXTEEN_BITS = 65535
MIN_IS_WHITE = 0
GREY, COLOUR, COLOUR_ALPHA = 1, 3, 4

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn a loaded image of any of Pillow's modes into RGB by the table above; what is that already stays itself."""
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        grey = to_bytes(values, sixteen_bits=image.mode.startswith("I;16"))
        return Image.fromarray(255 - grey if _is_negative(image) else grey).convert("RGB")
    if image.has_transparency_data:
        photo = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo).convert("RGB")
    return image.convert("RGB")


def _is_negative(image: Image.Image) -> bool:
    # Pillow turns TIFF's "0 is white" round for 8 bits and for 1, but not for 16.
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith("I;16") and tags.get(262) == MIN_IS_WHITE


def to_bytes(values: Array, *, sixteen_bits: bool = False) -> Bytes:
    """Scale numbers of any type to 0 to 255 by the table above.

    Args:
        values: any shape; unsigned 8-bit values stay as they are.
        sixteen_bits: the values are known to be 16-bit ones.
    """
    if values.dtype == np.uint8:
        return values
    if sixteen_bits or values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    finite = np.isfinite(values)
    numbers = np.where(finite, values, 0).astype(np.float64)
    known = numbers[finite]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    start, scale = _range(low, high, whole=not np.issubdtype(values.dtype, np.floating))
    return np.where(finite, np.rint((numbers - start) * scale), 0).clip(0, 255).astype(np.uint8)


def _range(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    if low >= 0 and high <= (255 if whole else 1):
        return 0.0, 1.0 if whole else 255.0
    if whole and low >= 0 and high <= SIXTEEN_BITS:
        return 0.0, 1 / 257
    return low, 255 / (high - low) if high > low else 0.0


def decode_by_opencv(content: bytes) -> Image.Image | None:
    """Decode what Pillow has no mode for (TIFF with wide numbers in colour); None: OpenCV cannot either."""
    try:
        pixels: Array | None = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if pixels is None or pixels.size == 0:
        return None
    if pixels.ndim == 2:
        return Image.fromarray(to_bytes(pixels)).convert("RGB")
    channels = pixels.shape[2]
    if channels not in (COLOUR, COLOUR_ALPHA):
        return None
    colour = to_bytes(np.ascontiguousarray(pixels[:, :, 2::-1]))
    if channels == COLOUR:
        return Image.fromarray(colour)
    alpha = to_bytes(np.ascontiguousarray(pixels[:, :, 3]))
    return to_rgb(Image.fromarray(np.dstack([colour, alpha])))
