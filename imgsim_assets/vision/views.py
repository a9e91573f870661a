"""The views of a photo that a backbone may look at."""

import math

import numpy as np
from PIL import Image, ImageOps

from imgsim_assets.view_table import VIEWS, WHOLE, Box, View
from imgsim_assets.vision.canny import Edges
from imgsim_assets.vision.content import cut


def make_view(photo: Image.Image, view: View, edges: Edges | None) -> Image.Image:
    """Make one view of an RGB photo: what `VIEWS` says that it looks at, mirrored where it says so.

    Raises:
        ValueError: a view that needs them is asked for without edges.
    """
    looks = VIEWS[view]
    if looks.shows == "photo":
        part = _crop(photo, looks.box)
    elif edges is None:
        raise ValueError(f"the view {view!r} needs the photo's edges")
    elif looks.shows == "focus":
        part = _crop(photo, edges.box)
    else:
        part = Image.fromarray(edges.map.astype(np.uint8) * 255).convert("RGB")
    return ImageOps.mirror(part) if looks.mirrors else part


def visible_share(view: View, edges: Edges | None) -> tuple[float, float]:
    """Give the share of the photo's width and of its height that a view shows; 0: it does not look at the photo."""
    looks = VIEWS[view]
    if looks.shows == "edge map":
        return 0.0, 0.0
    left, top, right, bottom = edges.box if looks.shows == "focus" and edges is not None else looks.box
    return right - left, bottom - top


def _crop(photo: Image.Image, box: Box) -> Image.Image:
    if box == WHOLE:
        return photo
    left, top, right, bottom = box
    ends = max(1, math.ceil(right * photo.width)), max(1, math.ceil(bottom * photo.height))
    return cut(photo, _start(left, photo.width), _start(top, photo.height), *ends)


def _start(fraction: float, side: int) -> int:
    return min(int(fraction * side), side - 1)
