"""The views of a photo that a backbone may look at."""

import math

import numpy as np
from PIL import Image, ImageOps

from imgsim_assets.settings import View
from imgsim_assets.vision.canny import Edges
from imgsim_assets.vision.content import cut

MIDDLE = (0.125, 0.125, 0.875, 0.875)


def make_view(photo: Image.Image, view: View, edges: Edges | None) -> Image.Image:
    """Make one view of an RGB photo.

    `rgb` is the photo itself, `mirror` swaps left and right, `zoom` is its middle, three quarters of each side
    (`zoom_mirror`: mirrored), `canny_focus` is the part of the photo inside the edges' box, `canny_edges` is the edge
    map, white on black, in the map's own size.

    Raises:
        ValueError: a canny view is asked for without edges.
    """
    if view == "rgb":
        return photo
    if view == "mirror":
        return ImageOps.mirror(photo)
    if view in ("zoom", "zoom_mirror"):
        middle = _crop(photo, MIDDLE)
        return middle if view == "zoom" else ImageOps.mirror(middle)
    if edges is None:
        raise ValueError(f"the view {view!r} needs the photo's edges")
    if view == "canny_focus":
        return _crop(photo, edges.box)
    return Image.fromarray(edges.map.astype(np.uint8) * 255).convert("RGB")


def visible_share(view: View, edges: Edges | None) -> tuple[float, float]:
    """Give the share of the photo's width and of its height that a view shows; 0: it does not look at the photo."""
    if view in ("zoom", "zoom_mirror"):
        left, top, right, bottom = MIDDLE
    elif view == "canny_focus" and edges is not None:
        left, top, right, bottom = edges.box
    elif view == "canny_edges":
        return 0.0, 0.0
    else:
        return 1.0, 1.0
    return right - left, bottom - top


def _crop(photo: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    left, top, right, bottom = box
    ends = max(1, math.ceil(right * photo.width)), max(1, math.ceil(bottom * photo.height))
    return cut(photo, _start(left, photo.width), _start(top, photo.height), *ends)


def _start(fraction: float, side: int) -> int:
    return min(int(fraction * side), side - 1)
