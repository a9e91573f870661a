"""What a drawn thing is made of: filled and stroked outlines in the square from -1 to 1, y downwards.

Designs build lists of `Part`; a `Vary` gives each photo its own proportions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Points: TypeAlias = npt.NDArray[np.float64]
Corners: TypeAlias = Sequence[tuple[float, float]] | Points


@dataclass(frozen=True)
class Part:
    """One layer of a drawn thing.

    Attributes:
        contours: polygons, float64 [n, 2] each; filled together by the even-odd rule, so an inner one is a hole.
        tone: which of the thing's colours: 0 body, 1 second, 2 third.
        width: 0 fills the contours; above 0 draws them as open lines this wide.
        shade: brightness of a flat facet, added to its colour; None rounds the part off instead.
    """

    contours: tuple[Points, ...]
    tone: int = 0
    width: float = 0.0
    shade: int | None = None


@dataclass(frozen=True)
class Vary:
    """The proportions of one photo's thing: numbers near the ones the design names."""

    generator: np.random.Generator

    def __call__(self, value: float, share: float = 0.12) -> float:
        """Give `value` changed by at most `share` of itself."""
        return float(value * (1 + share * (2 * self.generator.random() - 1)))


Design: TypeAlias = Callable[[Vary], list[Part]]


def fill(*contours: Corners, tone: int = 0) -> Part:
    """Fill contours together; those inside others are holes."""
    return Part(tuple(np.asarray(contour, dtype=np.float64) for contour in contours), tone)


def line(points: Corners, width: float = 0.08, tone: int = 0) -> Part:
    """Draw one open line."""
    return Part((np.asarray(points, dtype=np.float64),), tone, width)


def lines(paths: Sequence[Corners], width: float = 0.08, tone: int = 0) -> Part:
    """Draw several open lines as one layer."""
    return Part(tuple(np.asarray(path, dtype=np.float64) for path in paths), tone, width)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0, *, points: int = 48) -> Points:
    """Give an ellipse around (x, y), turned by `turn` radians."""
    angle = np.arange(points) * (2 * np.pi / points)
    flat = np.stack([rx * np.cos(angle), (rx if ry is None else ry) * np.sin(angle)], axis=1)
    return np.add(turned(flat, turn), (x, y), dtype=np.float64)


def arc(  # noqa: PLR0917 (an arc has six numbers, in a fixed order)
    x: float, y: float, rx: float, ry: float, start: float, stop: float, *, points: int = 32
) -> Points:
    """Give an open arc from angle `start` to `stop` in radians, clockwise on the screen."""
    angle = np.linspace(start, stop, points)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Give an upright rectangle."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)


def regular(corners: int, radius: float, x: float = 0.0, y: float = 0.0, turn: float = -np.pi / 2) -> Points:
    """Give a regular polygon; its first corner points up."""
    return ellipse(x, y, radius, points=corners, turn=turn)


def starred(points: int, outer: float, inner: float, x: float = 0.0, y: float = 0.0) -> Points:
    """Give a star whose first point is up."""
    radius = np.where(np.arange(2 * points) % 2 == 0, outer, inner)
    return polar(radius, x, y)


def polar(radius: Points, x: float = 0.0, y: float = 0.0, turn: float = -np.pi / 2) -> Points:
    """Give the closed curve with these radii at equal angles."""
    angle = turn + np.arange(len(radius)) * (2 * np.pi / len(radius))
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def mirrored(right: Corners) -> Points:
    """Close the right half of an outline, listed from top to bottom, with its mirror image."""
    half = np.asarray(right, dtype=np.float64)
    return np.concatenate([half, half[::-1] * (-1, 1)])


def turned(points: Points, angle: float, x: float = 0.0, y: float = 0.0) -> Points:
    """Turn points around (x, y) by `angle` radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray((points - (x, y)) @ np.array([[cos, sin], [-sin, cos]]) + (x, y))


def smooth(corners: Corners, steps: int = 6, closed: bool = True) -> Points:
    """Round corners into a Catmull-Rom curve through them, `steps` points a piece."""
    knots = np.asarray(corners, dtype=np.float64)
    if closed:
        before, after, beyond = (np.roll(knots, shift, axis=0) for shift in (1, -1, -2))
    else:
        padded = np.concatenate([knots[:1], knots, knots[-1:]])
        before, knots, after, beyond = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(steps) / steps)[None, :, None]
    p0, p1, p2, p3 = (piece[:, None, :] for piece in (before, knots, after, beyond))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    flat = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, np.asarray(corners, dtype=np.float64)[-1:]])
