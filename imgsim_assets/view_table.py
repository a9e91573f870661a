"""What a view is: one thing that a backbone may be shown of a photo. All that is said of views is said here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

View = Literal["rgb", "mirror", "zoom", "zoom_mirror", "canny_focus", "canny_edges"]
Box = tuple[float, float, float, float]  # (left, top, right, bottom) in fractions of a photo's sides

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
MIDDLE: Box = (0.125, 0.125, 0.875, 0.875)


@dataclass(frozen=True)
class Looks:
    """What a view shows.

    Attributes:
        shows: the photo inside `box`; the photo inside the box of its edges, in the place of `box` once they are known;
            or the map of its edges, white on black, in the map's own size.
        box: a part of the photo.
        mirrors: the view whose mirror image it is. Both mean the same: descriptors average them, and the step `mirror`
            of the ranking ladder takes it. A view that mirrors none is a block of its own, taken by the step of its
            name.
    """

    shows: Literal["photo", "focus", "edge map"] = "photo"
    box: Box = WHOLE
    mirrors: View | None = None

    @property
    def needs_edges(self) -> bool:
        """Whether it cannot be made without the photo's edges."""
        return self.shows != "photo"


VIEWS: Mapping[View, Looks] = MappingProxyType(
    {
        "rgb": Looks(),
        "mirror": Looks(mirrors="rgb"),
        "zoom": Looks(box=MIDDLE),
        "zoom_mirror": Looks(box=MIDDLE, mirrors="zoom"),
        "canny_focus": Looks("focus"),
        "canny_edges": Looks("edge map"),
    }
)
PHOTO: View = "rgb"  # the photo itself
MIRRORS: Mapping[str, View] = MappingProxyType({view: looks.mirrors for view, looks in VIEWS.items() if looks.mirrors})
JOINED: tuple[View, ...] = tuple(view for view in VIEWS if view != PHOTO and view not in MIRRORS)
# A photo and its mirror image mean the same; fine-tuned networks are trained on both, and on no other view.
TRAINED: tuple[View, ...] = tuple(view for view in VIEWS if view == PHOTO or MIRRORS.get(view) == PHOTO)


def need_edges(views: Iterable[View]) -> bool:
    """Whether one of the views cannot be made without the photo's edges."""
    return any(VIEWS[view].needs_edges for view in views)
