"""What lies behind a photo's transparent parts: white, as on most pages, unless nothing would be seen on it.

A white icon needs a dark ground. Which ground is taken depends on the photo's own pixels alone.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

STRIP_VALUES = 1 << 20
LIGHT = 224.0  # mean luminance of what is visible, above which it would be lost on white
SEE_THROUGH = 0.1  # of the photo, below which its ground does not matter: the round corners of a window
FAINT = 8  # of 255: alpha that is nowhere as strong shows nothing
WHITE, BLACK = (255, 255, 255, 255), (0, 0, 0, 255)


def strips_of(shape: Sequence[int]) -> Iterator[slice]:
    """Part rows into strips of about `STRIP_VALUES` values, of an array of this shape."""
    rows, width = shape[0], max(1, int(np.prod(shape[1:])))
    step = max(1, STRIP_VALUES // width)
    return (slice(first, min(first + step, rows)) for first in range(0, rows, step))


def lay_on_ground(photo: Image.Image) -> Image.Image:
    """Turn a photo of any mode with transparency into RGB, by the table of `colour`."""
    result = Image.new("RGB", photo.size)
    ground = choose_ground(photo)
    for strip in strips_of((photo.height, photo.width)):
        part = _part(photo, strip)
        if ground is not None:
            part = Image.alpha_composite(Image.new("RGBA", part.size, ground), part)
        result.paste(part.convert("RGB"), (0, strip.start))
    return result


def choose_ground(photo: Image.Image) -> tuple[int, int, int, int] | None:
    """Choose the ground that a photo with transparency is laid on; None: its alpha means nothing.

    Of the visible pixels, each as far as it is, the mean luminance decides. Where all is transparent, or so faint that
    nothing is seen, the colours that nobody was to see are the only picture there is, if they are one.
    """
    visible, light, strongest, lowest, highest = 0.0, 0.0, 0, np.full(3, 255), np.zeros(3, int)
    for strip in strips_of((photo.height, photo.width)):
        part = _part(photo, strip)
        counts = np.bincount(np.asarray(part.getchannel("A")).ravel(), minlength=256)
        alpha, strongest = counts @ np.arange(256), max(strongest, int(np.flatnonzero(counts)[-1]))
        visible += float(alpha)
        light += _light(part) if alpha else 0.0
        if strongest < FAINT:
            ends = np.array(part.convert("RGB").getextrema())
            lowest, highest = np.minimum(lowest, ends[:, 0]), np.maximum(highest, ends[:, 1])
    if strongest < FAINT:
        return None if (lowest < highest).any() else WHITE
    see_through = 1 - visible / (255.0 * photo.width * photo.height)
    return BLACK if light / visible > LIGHT and see_through >= SEE_THROUGH else WHITE


def _light(part: Image.Image) -> float:
    grey, alpha = part.convert("RGB").convert("L"), part.getchannel("A")
    return float(np.multiply(np.asarray(grey), np.asarray(alpha), dtype=np.uint32).sum(dtype=np.uint64))


def _part(photo: Image.Image, strip: slice) -> Image.Image:
    part = photo.crop((0, strip.start, photo.width, strip.stop))
    return part.convert("RGBA") if part.mode in ("RGBa", "RGB", "P", "PA", "L", "LA", "1") else _by_way_of_la(part)


def _by_way_of_la(part: Image.Image) -> Image.Image:
    return part if part.mode == "RGBA" else part.convert("LA").convert("RGBA")  # from La there is this way only
