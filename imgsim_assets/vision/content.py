"""Where the photo is inside what a site put around it: borders, letterbox bars, strips with a caption.

A strip is of one colour at the photo's edge, whatever letters follow, and of that colour again where it ends, in a
straight line. Sky, walls and the white around a product fade or end in the outline of something, and stay. Words that
lie on the photo itself (watermarks) stay too: nothing is known of what is under them.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from imgsim_assets.vision.photo import DECODING_REVISION

CONTENT_REVISION = "content/1"
LOOKED_AT = 256  # pixels of a row, at most
LIKE = 16  # levels by which one colour may differ in a channel, compressed as it is beside letters
PLAIN = 0.9  # share of a row that has the strip's colour, where the strip begins and ends; between may be letters
LEFT_BEHIND = 0.35  # of a row behind the strip
BEHIND = 3  # rows, within which a strip ends
MOST = 0.3  # of a side that one strip takes
LEAST_LEFT = 0.4  # of a side; where strip upon strip leaves less, the photo is of stripes

CONTENT_COLUMNS = ("content_left", "content_top", "content_right", "content_bottom")


@dataclass(frozen=True)
class Content:
    """The part of a photo that is kept, in pixels of the upright photo; right and bottom are the first outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Its (width, height)."""
        return self.right - self.left, self.bottom - self.top

    def of(self, photo: Image.Image, size: tuple[int, int]) -> Image.Image:
        """Cut it out of a photo that was (width, height) `size` before it was reduced."""
        if self.size == size:
            return photo
        left, right = _scaled(self.left, self.right, photo.width / size[0], photo.width)
        top, bottom = _scaled(self.top, self.bottom, photo.height / size[1], photo.height)
        return cut(photo, left, top, right, bottom)


def content_rule(*, trim: bool) -> str:
    """Name the rules by which photos are decoded and content is found: changes exactly when what is kept would."""
    return f"{DECODING_REVISION} {CONTENT_REVISION if trim else 'whole'}"


def content_of_photo(photo: Image.Image, *, trim: bool) -> Content:
    """Find the content of an RGB photo: all of it, where nothing is to be trimmed."""
    return find_content(np.asarray(photo)) if trim else Content(0, 0, *photo.size)


def find_content(photo: npt.NDArray[np.uint8]) -> Content:
    """Find the content of a photo, uint8 [height, width, 3]: all of it, where nothing is around it."""
    height, width = photo.shape[:2]
    whole = found = Content(0, 0, width, height)
    # A border, bars inside it, a caption inside those, and the rows between that compression has blurred.
    while (smaller := _without_strips(photo, found)) != found:
        if smaller.size[0] < LEAST_LEFT * width or smaller.size[1] < LEAST_LEFT * height:
            return whole
        found = smaller
    return found


def cut(photo: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    """Cut a box out of an RGB photo."""
    # Not by Image.crop, which judges the size of the result by a global limit.
    return Image.fromarray(np.ascontiguousarray(np.asarray(photo)[top:bottom, left:right]))


def _scaled(start: int, end: int, scale: float, side: int) -> tuple[int, int]:
    """Scale both ends inwards, so that nothing of a border is left; but a pixel is."""
    first = min(math.ceil(start * scale), side - 1)
    return first, max(int(end * scale), first + 1)


def _without_strips(photo: npt.NDArray[np.uint8], box: Content) -> Content:
    part = photo[box.top : box.bottom, box.left : box.right]
    across = part.transpose(1, 0, 2)
    top, bottom, left, right = (_strip(side) for side in (part, part[::-1], across, across[::-1]))
    return Content(box.left + left, box.top + top, box.right - right, box.bottom - bottom)


def _strip(photo: npt.NDArray[np.uint8]) -> int:
    """Count the rows of the strip that a photo [rows, pixels, 3] begins with; 0: there is none."""
    most, step = int(MOST * len(photo)), -(-photo.shape[1] // LOOKED_AT)
    colour = np.median(photo[0, ::step], axis=0)
    if _share_like(photo[:1, ::step], colour)[0] < PLAIN:
        return 0
    like = _share_like(photo[: most + BEHIND, ::step], colour)
    for last in np.flatnonzero(like[:most] >= PLAIN).tolist():
        behind = np.flatnonzero(like[last + 1 : last + 1 + BEHIND] <= LEFT_BEHIND)
        if len(behind):
            return last + 1 + int(behind[0])
    return 0


def _share_like(rows: npt.NDArray[np.uint8], colour: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the share of each of the rows [n, pixels, 3] that has a colour: float64 [n]."""
    return np.asarray((np.abs(rows - colour.astype(np.int16)) <= LIKE).all(axis=2).mean(axis=1))
