"""Signs: stars, arrows, hearts, spirals."""

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
    mirrored,
    regular,
    smooth,
    starred,
    turned,
)


def star(v: Vary, points: int, inner: float) -> list[Part]:
    """A star with straight rays."""
    return [fill(starred(points, 0.95, v(inner, 0.08)))]


def sign(v: Vary, corners: int) -> list[Part]:
    """A road sign on a post."""
    plate = regular(corners, 0.62, 0, -0.3, turn=-np.pi / 2 + (np.pi / corners if corners == 8 else 0))
    inner = regular(corners, v(0.46, 0.06), 0, -0.3, turn=-np.pi / 2 + (np.pi / corners if corners == 8 else 0))
    return [fill(box(-0.06, 0.1, 0.06, 0.98), tone=2), fill(plate, tone=0), fill(inner, tone=1)]


def arrow(v: Vary) -> list[Part]:
    """A straight arrow."""
    w, h = v(0.16), v(0.45)
    return [fill([(-0.95, -w), (0.2, -w), (0.2, -h), (0.95, 0), (0.2, h), (0.2, w), (-0.95, w)])]


def arrow_double(v: Vary) -> list[Part]:
    """An arrow with two heads."""
    w, h = v(0.13), v(0.45)
    half = [(0.4, -h), (0.95, 0.0), (0.4, h), (0.4, w)]
    left = [(-0.4, w), (-0.4, h), (-0.95, 0.0), (-0.4, -h), (-0.4, -w)]
    return [fill([(0.4, -w), *half, *left])]


def arrow_round(v: Vary) -> list[Part]:
    """An arrow that turns back to its tail."""
    w = v(0.2)
    end = 1.5 * np.pi
    return [
        line(arc(0, 0, 0.66, 0.66, 0, end), w),
        fill([(-0.08, -1.0), (0.5, -0.66), (-0.08, -0.3)]),
    ]


def heart(v: Vary) -> list[Part]:
    """A heart."""
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [fill(np.stack([x / 18 * v(1), -y / 18], axis=1))]


def crescent(v: Vary) -> list[Part]:
    """A moon in its first days."""
    outer = arc(0, 0, 0.92, 0.92, 0.3 * np.pi, 1.7 * np.pi, points=48)
    inner = arc(v(0.35), 0, 0.72, 0.75, 1.6 * np.pi, 0.4 * np.pi, points=40)
    return [fill(np.concatenate([outer, inner]))]


def lightning(v: Vary) -> list[Part]:
    """A bolt."""
    k = v(0.1)
    return [fill([(0.1, -0.98), (-0.5, 0.1), (-k, 0.1), (-0.3, 0.98), (0.5, -0.2), (k, -0.2), (0.45, -0.98)])]


def spiral(v: Vary, turns: float) -> list[Part]:
    """A wound line."""
    t = np.linspace(0.06, 1, 140)
    angle = 2 * np.pi * v(turns, 0.06) * t
    return [line(np.stack([0.92 * t * np.cos(angle), 0.92 * t * np.sin(angle)], axis=1), v(0.3 / turns))]


def galaxy(v: Vary) -> list[Part]:
    """Three arms around a core."""
    t = np.linspace(0, 1, 30)
    arm = np.stack([(0.15 + 0.78 * t) * np.cos(3.2 * t), (0.15 + 0.78 * t) * np.sin(3.2 * t)], axis=1)
    arms = [turned(arm, k * 2 * np.pi / 3) for k in range(3)]
    return [lines(arms, v(0.17)), fill(ellipse(0, 0, v(0.28)), tone=1)]


def maze(v: Vary) -> list[Part]:
    """A wound line with right angles."""
    s = 0.9
    corners = [
        (-s, -s),
        (s, -s),
        (s, s),
        (-s, s),
        (-s, -0.45),
        (0.45, -0.45),
        (0.45, 0.45),
        (-0.45, 0.45),
        (-0.45, 0),
        (0.05, 0),
    ]
    return [line(corners, v(0.2))]


def crown(v: Vary) -> list[Part]:
    """A crown with three spikes."""
    h = v(0.75)
    base = [(-0.9, 0.6), (-0.9, -0.3), (-0.45, 0.1), (0, -h), (0.45, 0.1), (0.9, -0.3), (0.9, 0.6)]
    balls = [ellipse(x, y, 0.1) for x, y in ((-0.9, -0.38), (0, -h - 0.08), (0.9, -0.38))]
    return [fill(base), fill(*balls, tone=1), fill(box(-0.9, 0.35, 0.9, 0.5), tone=1)]


def drop(v: Vary) -> list[Part]:
    """A drop of water."""
    w = v(0.62)
    return [fill(smooth([(0, -0.98), (0.25 * w, -0.5), (w, 0.35), (0, 0.95), (-w, 0.35), (-0.25 * w, -0.5)]))]


def bow_tie(v: Vary) -> list[Part]:
    """A tied ribbon."""
    h = v(0.55)
    wing = [(0.1, -0.12), (0.95, -h), (0.85, 0.0), (0.95, h), (0.1, 0.12)]
    return [fill(mirrored(wing)), fill(box(-0.17, -0.2, 0.17, 0.2), tone=1)]


KINDS: dict[str, Design] = {
    "star_4_points": partial(star, points=4, inner=0.26),
    "star_5_points": partial(star, points=5, inner=0.4),
    "star_12_points": partial(star, points=12, inner=0.55),
    "sign_triangle": partial(sign, corners=3),
    "sign_octagon": partial(sign, corners=8),
    "arrow_straight": arrow,
    "arrow_double": arrow_double,
    "arrow_round": arrow_round,
    "heart": heart,
    "crescent": crescent,
    "lightning": lightning,
    "spiral": partial(spiral, turns=3.0),
    "galaxy": galaxy,
    "square_spiral": maze,
    "crown": crown,
    "drop": drop,
    "bow_tie": bow_tie,
}
