"""What a model is shown of a photo: one of its views, framed, from a JPEG decoded no larger than that needs."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from imgsim_assets.view_table import View
from imgsim_assets.vision.backbones.protocol import Framing
from imgsim_assets.vision.canny import Edges
from imgsim_assets.vision.content import Content
from imgsim_assets.vision.photo import REDUCTIONS, decode_bytes
from imgsim_assets.vision.photo_file import read_file
from imgsim_assets.vision.views import make_view, visible_share

NOT_LOOKED_AT = Image.new("RGB", (1, 1))


@dataclass(frozen=True)
class OpenedPhoto:
    """A photo's content in memory: RGB by how far it was reduced, its full (width, height), and its edges."""

    decoded: Mapping[int, Image.Image]
    size: tuple[int, int]
    edges: Edges | None = None


@dataclass(frozen=True)
class Frame:
    """A view, and the framing of the model that looks at it. Equal frames show the same."""

    view: View
    framing: Framing

    def __call__(self, photo: OpenedPhoto) -> np.ndarray:
        """Give what the framing makes of the photo's view."""
        reduction = self.reduction(photo.size, photo.edges)
        decoded = photo.decoded[reduction] if reduction else NOT_LOOKED_AT
        return self.framing(make_view(decoded, self.view, photo.edges))

    def reduction(self, size: tuple[int, int], edges: Edges | None) -> int:
        """Say how far content of (width, height) may be reduced with nothing visible lost.

        One of `REDUCTIONS`; 0 where the view does not look at the photo, but at its edges.

        It depends on the photo, the view and the framing alone, and never on what else is shown of the photo in the
        same pass, so that a vector does not depend on its company.
        """
        shares = visible_share(self.view, edges)
        if 0 in shares:
            return 0
        width, height = (max(1, math.floor(share * side)) for share, side in zip(shares, size, strict=True))
        least_width, least_height = self.framing.least_size((width, height))
        most = min(width / least_width, height / least_height)
        return max(reduction for reduction in REDUCTIONS if reduction <= max(1, most))


def open_photo(
    path: Path,
    size: tuple[int, int],
    frames: Iterable[Frame],
    edges: Edges | None,
    max_pixels: int,
    *,
    content: Content | None = None,
    known_by: str | None = None,
) -> OpenedPhoto:
    """Decode a photo as the frames need it: once, but where some can do with far fewer pixels than others.

    The file is read once, and not at all where nothing but its edges is shown.

    Args:
        path: the file.
        size: its (width, height), upright.
        frames: what will be shown of it.
        edges: those of its content, where a view needs them.
        max_pixels: larger photos are refused.
        content: what is shown of it; None: all.
        known_by: the content id that it must have; None: any.

    Raises:
        PhotoError: it gives no photo.
    """
    content = content or Content(0, 0, *size)
    reductions = {frame.reduction(content.size, edges) for frame in frames} - {0}
    read = read_file(path, max_pixels, known_by) if reductions else b""
    decoded = {one: content.of(decode_bytes(read, max_pixels, one)[0], size) for one in sorted(reductions)}
    return OpenedPhoto(decoded, content.size, edges)
