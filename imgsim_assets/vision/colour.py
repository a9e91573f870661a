"""Every kind of pixel turned into 8-bit RGB.

| in the file | becomes |
|---|---|
| greyscale, black and white | the same value in all three channels |
| palette | the palette's colours |
| alpha, or one transparent colour | the photo laid on white; on black, if it would be white on white (`ground`) |
| alpha of zero everywhere, or nearly | the photo without it: it would show nothing, and many programs write zeros |
| CMYK | (255 - ink) * (255 - black) / 255; Adobe's inverted CMYK JPEGs are turned back first |
| YCbCr, Lab | Pillow's conversion to sRGB |
| 16 bits, greyscale | value / 257, rounded |
| 16 bits, colour | the high byte: within one level of value / 257, and equal to it where 8 bits were widened |
| 32-bit integers | as 8 bits if all are in 0 to 255, as 16 bits if in 0 to 65535, else stretched |
| floating point | times 255 if all are in 0 to 1, else stretched |

Stretched: the photo's own smallest value becomes 0, its largest 255. What is not a number becomes 0.
Colour profiles (ICC) are ignored: most photos are sRGB or near it, and the models never saw profiles.

Work goes strip by strip, so that beside the photo as it was decoded and as it becomes little memory is taken.
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from imgsim_assets.vision.ground import lay_on_ground, strips_of

SIXTEEN_BITS = 65535
PHOTOMETRIC, FORMAT, EXTRA = 262, 339, 338
MIN_IS_WHITE, UNSIGNED, SIGNED, PREMULTIPLIED, STRAIGHT = 0, 1, 2, 1, 2
COLOUR, COLOUR_ALPHA = 3, 4

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]


def to_rgb(image: Image.Image) -> Image.Image:
    """Turn a loaded image of any of Pillow's modes into RGB by the table above; what is that already stays itself."""
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I") or image.mode == "F" or _is_signed(image):
        return _numbers_to_rgb(image)
    if image.has_transparency_data or image.mode in ("La", "RGBa"):
        return lay_on_ground(image)
    return image.convert("RGB")


def _is_signed(image: Image.Image) -> bool:
    return image.mode == "L" and _format(image) == SIGNED


def _format(image: Image.Image) -> int | None:
    tags = getattr(image, "tag_v2", {})
    return int(tags.get(FORMAT, (UNSIGNED,))[0]) if tags else None


def _numbers_to_rgb(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    # Pillow has no modes for these: the bits are right.
    if image.mode == "I" and _format(image) == UNSIGNED:
        values = values.view(np.uint32)
    elif image.mode == "L":
        values = values.view(np.int8)
    # Pillow turns TIFF's "0 is white" round for 8 bits and for 1, but not for more.
    negative = getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == MIN_IS_WHITE
    grey = to_bytes(values, sixteen_bits=image.mode.startswith("I;16"))
    photo = Image.fromarray(np.subtract(255, grey, out=grey) if negative else grey)
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return photo.convert("RGB")
    return lay_on_ground(
        Image.merge("LA", (photo, Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))))
    )


def to_bytes(values: Array, *, sixteen_bits: bool = False) -> Bytes:
    """Scale numbers of any type to 0 to 255 by the table above.

    Args:
        values: any shape; unsigned 8-bit values stay as they are.
        sixteen_bits: the values are known to be 16-bit ones.
    """
    if values.dtype == np.uint8:
        return values
    scaled = np.empty(values.shape, np.uint8)
    if sixteen_bits or values.dtype == np.uint16:
        for rows in strips_of(values.shape):
            scaled[rows] = (values[rows].astype(np.uint32) + 128) // 257
        return scaled
    start, scale = _range(*_ends(values), whole=not np.issubdtype(values.dtype, np.floating))
    for rows in strips_of(values.shape):
        finite = np.isfinite(values[rows])
        numbers = np.where(finite, values[rows], 0).astype(np.float64)
        scaled[rows] = np.where(finite, np.rint((numbers - start) * scale), 0).clip(0, 255)
    return scaled


def _ends(values: Array) -> tuple[float, float]:
    """Give the smallest and the largest of the finite numbers; 0 and 0: there is none."""
    known = [finite for rows in strips_of(values.shape) if (finite := _finite_ends(values[rows]))]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else (0.0, 0.0)


def _finite_ends(values: Array) -> tuple[float, float] | None:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def _range(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    if low >= 0 and high <= (255 if whole else 1):
        return 0.0, 1.0 if whole else 255.0
    if whole and low >= 0 and high <= SIXTEEN_BITS:
        return 0.0, 1 / 257
    return low, 255 / (high - low) if high > low else 0.0


def decode_by_opencv(content: bytes, tags: Mapping[int, Any]) -> Image.Image | None:
    """Decode a TIFF of wide numbers, which Pillow has no mode for; None: OpenCV cannot either.

    Args:
        content: the file.
        tags: of its first directory, which say what OpenCV does not: what the numbers mean.
    """
    try:
        pixels: Array | None = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if pixels is None or pixels.size == 0:
        return None
    if pixels.ndim == 2:
        grey = to_bytes(pixels)
        negative = tags.get(PHOTOMETRIC) == MIN_IS_WHITE
        return Image.fromarray(np.subtract(255, grey, out=grey) if negative else grey).convert("RGB")
    if pixels.shape[2] not in (COLOUR, COLOUR_ALPHA):
        return None
    return _colour_to_rgb(pixels, tags.get(EXTRA, ()))


def _colour_to_rgb(pixels: Array, extra: tuple[int, ...]) -> Image.Image:
    if pixels.shape[2] == COLOUR or not {PREMULTIPLIED, STRAIGHT}.intersection(extra[:1]):
        return Image.fromarray(to_bytes(pixels[:, :, 2::-1]))
    if extra[0] == PREMULTIPLIED:  # on one scale with its alpha
        scaled = to_bytes(pixels)[:, :, [2, 1, 0, 3]]
        return lay_on_ground(Image.frombytes("RGBa", (pixels.shape[1], pixels.shape[0]), scaled.tobytes()))
    photo = Image.fromarray(to_bytes(pixels[:, :, 2::-1]))
    photo.putalpha(Image.fromarray(to_bytes(pixels[:, :, 3])))
    return lay_on_ground(photo)
