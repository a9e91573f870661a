"""Gears, wheels and other machine parts."""

from functools import partial

import numpy as np

from imgsim_assets.vision.drawing.outline import (
    Design,
    Part,
    Vary,
    arc,
    box,
    ellipse,
    fill,
    line,
    lines,
    polar,
    regular,
)


def gear(v: Vary, teeth: int, depth: float, hole: float) -> list[Part]:
    """A toothed wheel with a hole."""
    radius = np.repeat(np.tile([0.92, 0.92 - v(depth)], teeth), 4)
    return [fill(polar(radius), ellipse(0, 0, v(hole)))]


def wheel(v: Vary, spokes: int) -> list[Part]:
    """A rim, a hub and spokes."""
    angles = np.arange(spokes) * (2 * np.pi / spokes)
    rays = [[(0, 0), (0.85 * np.cos(a), 0.85 * np.sin(a))] for a in angles]
    return [
        lines(rays, v(0.07), tone=1),
        fill(ellipse(0, 0, 0.95), ellipse(0, 0, v(0.76, 0.05))),
        fill(ellipse(0, 0, v(0.18))),
    ]


def helm(v: Vary) -> list[Part]:
    """A ship's wheel: spokes that stick out as handles."""
    angles = np.arange(8) * (np.pi / 4)
    rays = [[(0, 0), (0.95 * np.cos(a), 0.95 * np.sin(a))] for a in angles]
    return [
        lines(rays, v(0.1)),
        fill(ellipse(0, 0, 0.66), ellipse(0, 0, v(0.5, 0.05)), tone=1),
        fill(ellipse(0, 0, v(0.17))),
    ]


def nut(v: Vary) -> list[Part]:
    """A hexagonal nut."""
    return [fill(regular(6, 0.95), ellipse(0, 0, v(0.45)))]


def anchor(v: Vary) -> list[Part]:
    """A ship's anchor."""
    w = v(0.13)
    return [
        line([(0, -0.55), (0, 0.85)], w),
        line([(-0.4, -0.35), (0.4, -0.35)], w),
        line(arc(0, 0.15, 0.75, 0.7, 0.05, np.pi - 0.05), w),
        fill([(-0.98, 0.3), (-0.72, -0.1), (-0.5, 0.3)]),
        fill([(0.98, 0.3), (0.72, -0.1), (0.5, 0.3)]),
        fill(ellipse(0, -0.75, 0.22), ellipse(0, -0.75, 0.11)),
    ]


def puzzle(v: Vary) -> list[Part]:
    """A jigsaw piece: two knobs, two sockets."""
    r = v(0.2)
    return [
        fill(box(-0.65, -0.45, 0.65, 0.65), ellipse(-0.5, 0.1, r), ellipse(0, 0.52, r)),
        fill(ellipse(0, -0.58, r), tone=0),
        fill(ellipse(0.78, 0.1, r), tone=0),
    ]


KINDS: dict[str, Design] = {
    "gear_8_teeth": partial(gear, teeth=8, depth=0.24, hole=0.3),
    "gear_20_teeth": partial(gear, teeth=20, depth=0.14, hole=0.55),
    "wheel_4_spokes": partial(wheel, spokes=4),
    "wheel_12_spokes": partial(wheel, spokes=12),
    "ship_wheel": helm,
    "hexagon_nut": nut,
    "anchor": anchor,
    "puzzle_piece": puzzle,
}
