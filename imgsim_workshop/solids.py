"""Solid things seen from changing sides: boxes, drums, cones and balls put together, with lit facets."""

import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.drawing.outline import Design, Part, Vary
from imgsim_assets.vision.drawing.pose import between
from imgsim_workshop.formulas import fitted

Space = npt.NDArray[np.float64]
Solid = tuple[list[list[int]], Space]


def prism(sides: int, top: float) -> Solid:
    """Corners and faces of a prism of unit radius; `top` scales its upper face (0: a cone)."""
    angle = (np.arange(sides) + 0.5) * (2 * np.pi / sides)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    low = np.concatenate([ring, np.full((sides, 1), -1.0)], axis=1)
    high = np.concatenate([ring * max(top, 1e-3), np.full((sides, 1), 1.0)], axis=1)
    faces = [[k, (k + 1) % sides, sides + (k + 1) % sides, sides + k] for k in range(sides)]
    return [*faces, list(range(sides))[::-1], list(range(sides, 2 * sides))], np.concatenate([low, high])


def ball(rings: int = 5, sides: int = 9) -> Solid:
    """Corners and faces of a faceted ball."""
    polar = np.linspace(0.12, np.pi - 0.12, rings + 1)
    around = np.arange(sides) * (2 * np.pi / sides)
    corners = [(np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), -np.cos(p)) for p in polar for a in around]
    faces = [
        [r * sides + k, r * sides + (k + 1) % sides, (r + 1) * sides + (k + 1) % sides, (r + 1) * sides + k]
        for r in range(rings)
        for k in range(sides)
    ]
    return faces, np.array(corners)


def rotation(azimuth: float, elevation: float) -> Space:
    """Turn around the upright axis, then tip towards the viewer."""
    ca, sa, ce, se = np.cos(azimuth), np.sin(azimuth), np.cos(elevation), np.sin(elevation)
    about = np.array([[ca, -sa, 0], [sa, ca, 0], [0, 0, 1]])
    tip = np.array([[1, 0, 0], [0, ce, -se], [0, se, ce]])
    return np.asarray(tip @ about, dtype=np.float64)


def solid(generator: np.random.Generator) -> Design:
    """Two to five solids; each photo sees them from another side."""
    pieces = []
    for _ in range(int(generator.integers(2, 6))):
        kind = int(generator.integers(4))
        shape = (prism(4, 1.0), prism(10, 1.0), prism(10, between(generator, 0.0, 0.6)), ball())[kind]
        size, place = 0.15 + 0.45 * generator.random(3), 1.3 * generator.random(3) - 0.65
        pieces.append((shape, size, place, int(generator.integers(3)), generator.random() < 0.3))

    def draw(v: Vary) -> list[Part]:
        view = rotation((v.generator.random() - 0.5) * 1.6, 0.15 + 0.5 * v.generator.random())
        sun = rotation(v.generator.random() * 6.3, 0.5) @ np.array([0.5, -0.6, 0.6])
        facets = []
        for (faces, corners), size, place, tone, lying in pieces:
            body = corners[:, [2, 0, 1]] if lying else corners
            seen = (body * size * v(1.0) + place) @ view.T
            facets += [facet for face in faces if (facet := lit_facet(seen[face], sun, tone)) is not None]
        facets.sort(key=lambda facet: -facet[0])
        return fitted([part for _, part in facets])

    return draw


def lit_facet(corners: Space, sun: Space, tone: int) -> tuple[float, Part] | None:
    """Give a facet's distance and its part, or None when it looks away; the viewer looks along +y."""
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[1])
    length = float(np.linalg.norm(normal))
    if length < 1e-9 or normal[1] >= 0:
        return None
    shade = round(110 * (float(normal @ sun) / length - 0.35))
    flat = np.stack([corners[:, 0], -corners[:, 2]], axis=1)
    return float(corners[:, 1].mean()), Part((flat,), tone, 0.0, shade)
