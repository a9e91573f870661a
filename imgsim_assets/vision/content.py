"""Where the photo is inside what a site put around it: borders, letterbox bars, strips with a caption.

What is cut off are strips that have the signs of a site's (`strips`), around what is a photograph (`photographic`).
Sky, walls and the white around a product fade or end in the outline of something, and stay; so do flags, logos, windows
and charts, whose plain edges are what they show. Words that lie on the photo itself (watermarks) stay too: nothing is
known of what is under them.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from imgsim_assets.vision.photo import DECODING_REVISION
from imgsim_assets.vision.photographic import colour_variety
from imgsim_assets.vision.strips import BEHIND, Strip, find_strip, is_chrome

CONTENT_REVISION = "content/2"
LEAST_LEFT = 0.4  # of a side; where strip upon strip leaves less, the photo is of stripes
VARIETY = {True: 0.12, False: 0.04}  # of colours behind strips, by whether some may be vivid, as flags' are

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
    """Find the content of a photo, uint8 [height, width, 3]: all of it, where nothing is around it, or no photo."""
    whole = Content(0, 0, photo.shape[1], photo.shape[0])
    for vivid, variety in VARIETY.items():
        found = _peeled(photo, whole, vivid=vivid)
        if found == whole or colour_variety(_part(photo, found)) >= variety:
            return found
    return whole


def cut(photo: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    """Cut a box out of an RGB photo."""
    # Not by Image.crop, which judges the size of the result by a global limit.
    return Image.fromarray(np.ascontiguousarray(np.asarray(photo)[top:bottom, left:right]))


def _scaled(start: int, end: int, scale: float, side: int) -> tuple[int, int]:
    """Scale both ends inwards, so that nothing of a border is left; but a pixel is."""
    first = min(math.ceil(start * scale), side - 1)
    return first, max(int(end * scale), first + 1)


def _peeled(photo: npt.NDArray[np.uint8], whole: Content, *, vivid: bool) -> Content:
    found = whole
    # A border, bars inside it, a caption inside those, and the rows between that compression has blurred.
    while (smaller := _without_strips(photo, found, vivid=vivid)) != found:
        if smaller.size[0] < LEAST_LEFT * whole.size[0] or smaller.size[1] < LEAST_LEFT * whole.size[1]:
            return whole
        found = smaller
    return found


def _without_strips(photo: npt.NDArray[np.uint8], box: Content, *, vivid: bool) -> Content:
    part, (height, width, _) = _part(photo, box), photo.shape
    top, bottom = _cut_off(part, (box.top > 0, box.bottom < height), vivid=vivid)
    left, right = _cut_off(part.transpose(1, 0, 2), (box.left > 0, box.right < width), vivid=vivid)
    return Content(box.left + left, box.top + top, box.right - right, box.bottom - bottom)


def _cut_off(photo: npt.NDArray[np.uint8], was_cut: tuple[bool, bool], *, vivid: bool) -> tuple[int, int]:
    """Count the rows of chrome that a photo, uint8 [rows, pixels, 3], begins with, and those it ends with.

    `was_cut` says at which of both ends something has been cut off already.
    """
    first, last = _strips(photo, was_cut[0]), _strips(photo[::-1], was_cut[1])
    return _rows(first, last, vivid=vivid), _rows(last, first, vivid=vivid)


def _strips(photo: npt.NDArray[np.uint8], was_cut: bool) -> list[Strip]:
    """Find the strip that a photo begins with, and the one behind what may be only mixed with what was cut off."""
    strip = find_strip(photo)
    if strip is None:
        return []
    behind = find_strip(photo[strip.rows :]) if was_cut and strip.rows <= BEHIND else None
    return [strip, replace(behind, rows=strip.rows + behind.rows)] if behind else [strip]


def _rows(strips: list[Strip], opposite: list[Strip], *, vivid: bool) -> int:
    chrome = (one.rows for one in strips for other in (*opposite, None) if is_chrome(one, other, vivid=vivid))
    return max(chrome, default=0)


def _part(photo: npt.NDArray[np.uint8], box: Content) -> npt.NDArray[np.uint8]:
    return photo[box.top : box.bottom, box.left : box.right]
