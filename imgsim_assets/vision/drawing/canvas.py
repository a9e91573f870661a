"""Rasterising and compositing with whole numbers, so that every machine gets the same pixels."""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.drawing.outline import Points

Picture: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.uint8]

FINER = 4  # the masks are drawn this much larger and averaged: anti-aliasing
SHIFT = 3  # binary digits after the point in what OpenCV is given
COVERAGE = np.array([count * 255 // FINER**2 for count in range(FINER**2 + 1)], dtype=np.uint8)


def mask_of(contours: Sequence[Points], shape: tuple[int, int], width: float = 0.0) -> Mask:
    """Draw contours, given in pixels, as coverage.

    Args:
        contours: float64 [n, 2] each, (x, y) in pixels.
        shape: height and width of the mask.
        width: 0 fills by the even-odd rule; above 0 draws open lines this many pixels wide.

    Returns:
        uint8 [height, width]; 255 where wholly covered.
    """
    height, across = shape
    large = np.zeros((height * FINER, across * FINER), dtype=np.uint8)
    # Coordinates far outside would overflow the fixed point; what lies there is not seen anyway.
    points = [np.clip(np.rint(c * (FINER << SHIFT)), -60_000, 60_000).astype(np.int32) for c in contours]
    # Drawn with FINER squared, so that the mean of a block is a whole number and needs no rounding.
    if width > 0:
        cv2.polylines(large, points, False, FINER**2, max(1, round(width * FINER)), cv2.LINE_8, SHIFT)
    else:
        cv2.fillPoly(large, points, FINER**2, cv2.LINE_8, SHIFT)
    covered = cv2.resize(large, (across, height), interpolation=cv2.INTER_AREA)
    return np.asarray(COVERAGE[covered], dtype=np.uint8)


def paste(picture: Picture, mask: Mask, paint: npt.NDArray[np.uint8]) -> Picture:
    """Lay `paint` (uint8 [h, w, 3] or one colour [3]) over `picture` where `mask` covers."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return picture
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    cover = mask[part].astype(np.uint16)[..., None]
    over = paint[part] if paint.ndim == picture.ndim else paint
    result = picture.copy()
    result[part] = (picture[part] * (255 - cover) + over * cover + 127) // 255
    return result


def shaded(paint: npt.NDArray[np.uint8], relief: npt.NDArray[np.int16]) -> Picture:
    """Add `relief` (int16 [h, w]) to all three channels of `paint`."""
    return np.asarray(np.clip(paint.astype(np.int16) + relief[..., None], 0, 255), dtype=np.uint8)


def blurred(mask: Mask, reach: int) -> Mask:
    """Spread a mask or a picture by two box filters of `2 * reach + 1` pixels: near a Gaussian, and exact."""
    size = (2 * reach + 1, 2 * reach + 1)
    once = cv2.blur(mask, size, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.blur(once, size, borderType=cv2.BORDER_REPLICATE), dtype=np.uint8)
