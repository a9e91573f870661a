"""Edges by OpenCV's Canny detector: the edge map, how much of it is edge, and where the edges are."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from imgsim_assets.settings import Canny
from imgsim_assets.view_table import WHOLE, Box
from imgsim_assets.vision.content import Content
from imgsim_assets.vision.photo import REDUCTIONS, decode_bytes

REDUCING_GAP = 2.0  # a JPEG is decoded to a longest side that is so many times the map's, at least
LEAST_HIGH = 20.0  # the gradient that a step of about 9 grey levels leaves after the default blur
NOISE_DEVIATIONS = 4.0  # pure noise passes this about once in 3,000 pixels
RAYLEIGH_MEDIAN = 1.1774  # median gradient magnitude of noise, in standard deviations of one direction
LOW_SHARE = 0.5
PADDING = 0.02
LEAST_SIDE = 0.2

BOX_COLUMNS = ("left", "top", "right", "bottom")
EDGES_SCHEMA = pa.schema(
    [
        pa.field("content_id", pa.string(), nullable=False),
        pa.field("edges", pa.binary(), nullable=False),
        *(pa.field(name, pa.float32(), nullable=False) for name in (*BOX_COLUMNS, "density")),
    ]
)


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a photo.

    `map` is bool [h, w], its longest side at most `Canny.size`; `box` is (left, top, right, bottom) in
    fractions of the photo's sides; `density` is the share of edge pixels.
    """

    map: npt.NDArray[np.bool_]
    box: Box
    density: float


def edges_of_file(read: bytes, size: tuple[int, int], content: Content, canny: Canny, max_pixels: int) -> Edges:
    """Find the edges of a photo's content, from a JPEG decoded no larger than they need.

    Args:
        read: what `read_file` gave.
        size: the photo's (width, height), upright.
        content: what is kept of it.
        canny: as `find_edges` takes it.
        max_pixels: larger photos are refused.

    Raises:
        PhotoError: it gives no photo.
    """
    photo, _ = decode_bytes(read, max_pixels, edge_reduction(content.size, canny))
    return find_edges(content.of(photo, size), canny)


def edge_reduction(size: tuple[int, int], canny: Canny) -> int:
    """Say how far content of (width, height) may be reduced before its edges are sought; one of `REDUCTIONS`."""
    most = max(size) / (REDUCING_GAP * canny.size)
    return max(reduction for reduction in REDUCTIONS if reduction <= max(1, most))


def find_edges(photo: Image.Image, canny: Canny) -> Edges:
    """Find the edges of a photo, scaled down (never up) until its longest side is `canny.size`.

    Args:
        photo: RGB.
        canny: thresholds are Sobel gradient magnitudes (L2 norm, 3 x 3) of the blurred greyscale photo.
    """
    grey = _shrink(np.asarray(photo.convert("L")), canny.size)
    if canny.blur > 0:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), canny.blur), np.uint8)
    # As cv2.Canny itself would take them, so that fixed thresholds mean what its documentation says.
    across = np.asarray(cv2.Sobel(grey, cv2.CV_16S, 1, 0, borderType=cv2.BORDER_REPLICATE), np.int16)
    down = np.asarray(cv2.Sobel(grey, cv2.CV_16S, 0, 1, borderType=cv2.BORDER_REPLICATE), np.int16)
    low, high = _thresholds(across, down, canny)
    found = np.asarray(cv2.Canny(across, down, low, high, L2gradient=True)) > 0
    return Edges(found, focus_box(found, canny.focus_mass), float(np.float32(found.mean())))


def _shrink(grey: npt.NDArray[Any], size: int) -> npt.NDArray[np.uint8]:
    height, width = grey.shape
    scale = size / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(grey, np.uint8)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(grey, target, interpolation=cv2.INTER_AREA), np.uint8)


def _thresholds(across: npt.NDArray[np.int16], down: npt.NDArray[np.int16], canny: Canny) -> tuple[float, float]:
    if isinstance(canny.low, int) and isinstance(canny.high, int):
        return float(canny.low), float(canny.high)
    return automatic_thresholds(np.hypot(across.astype(np.float32), down.astype(np.float32)))


def automatic_thresholds(magnitude: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Choose (low, high) from the gradient magnitudes [h, w] of a photo.

    High is Otsu's threshold, which parts the magnitudes best into two classes, and low is half of it.
    The often copied rule of 0.67 and 1.33 times the median grey level is not used: it looks at
    brightness, so that a dark photo loses no edge and a bright one loses them all. Otsu's threshold
    parts even what has one class only, so high is at least `LEAST_HIGH` (a flat photo has no edges)
    and at least `NOISE_DEVIATIONS` of the noise that the median magnitude would mean.

    Source: Otsu 1979; Fang, Yue and Yu, "The study on an application of Otsu method in Canny operator", 2009.
    """
    rounded = np.rint(magnitude).astype(np.uint16)
    otsu, _ = cv2.threshold(rounded, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    noise = float(np.median(magnitude)) / RAYLEIGH_MEDIAN
    high = max(float(otsu), NOISE_DEVIATIONS * noise, LEAST_HIGH)
    return LOW_SHARE * high, high


def focus_box(found: npt.NDArray[np.bool_], mass: float) -> Box:
    """Box where the edges are.

    From each of the four sides at most a quarter of the `1 - mass` strays is cut off, so that at least
    `mass` of the edge pixels stays inside. The box is then padded a little, and widened where one
    straight line would leave it without width; without edges it is the whole photo.

    Args:
        found: bool [h, w].
        mass: share of the edge pixels, above 0, at most 1.

    Returns:
        (left, top, right, bottom) in fractions, each exactly a float32.
    """
    if not found.any():
        return WHOLE
    left, right = _middle(found.sum(axis=0), (1 - mass) / 4)
    top, bottom = _middle(found.sum(axis=1), (1 - mass) / 4)
    return left, top, right, bottom


def _middle(projection: npt.NDArray[Any], stray: float) -> tuple[float, float]:
    """Give the part of one side, as fractions, outside which lies at most `stray` of the mass at each end."""
    reached = np.cumsum(projection)
    # Whole pixels may be cut off, never a share of one; the small addition undoes floating-point shortfall.
    allowed = int(stray * float(reached[-1]) + 1e-9)
    first = int(np.searchsorted(reached, allowed, side="right"))
    last = int(np.searchsorted(reached, reached[-1] - allowed, side="left"))
    start, end = first / len(projection) - PADDING, (last + 1) / len(projection) + PADDING
    lacking = max(0.0, LEAST_SIDE - (end - start)) / 2
    start, end = start - lacking, end + lacking
    shift = max(0.0, -start) - max(0.0, end - 1.0) if end - start < 1 else 0.0
    return float(np.float32(max(0.0, start + shift))), float(np.float32(min(1.0, end + shift)))


def encode_edges(edges: Edges) -> dict[str, Any]:
    """Make the row of `EDGES_SCHEMA`, all but its content id; the map is a PNG of one bit per pixel."""
    buffer = io.BytesIO()
    Image.fromarray(edges.map.astype(np.uint8) * 255).convert("1").save(buffer, "PNG")
    return {"edges": buffer.getvalue(), **dict(zip(BOX_COLUMNS, edges.box, strict=True)), "density": edges.density}


def decode_edges(row: Mapping[str, Any]) -> Edges:
    """Give back exactly the edges that were encoded."""
    with Image.open(io.BytesIO(row["edges"]), formats=["PNG"]) as picture:
        found = np.asarray(picture.convert("L")) > 0
    left, top, right, bottom = (float(row[name]) for name in BOX_COLUMNS)
    return Edges(found, (left, top, right, bottom), float(row["density"]))
