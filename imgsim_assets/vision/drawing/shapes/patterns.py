"""Lattices, fractals and letters: kinds known by their structure rather than by one outline."""

from functools import partial

import numpy as np

from imgsim_assets.vision.drawing.outline import (
    Design,
    Part,
    Points,
    Vary,
    arc,
    box,
    ellipse,
    fill,
    line,
    lines,
    regular,
    smooth,
    turned,
)


def honeycomb(v: Vary) -> list[Part]:
    """A patch of hexagonal cells."""
    r = v(0.3, 0.05)
    cells = [
        regular(6, r * 0.82, 1.732 * r * (q + s / 2), 1.5 * r * s)
        for q in range(-2, 3)
        for s in range(-2, 3)
        if abs(q + s) <= 2
    ]
    return [fill(regular(6, 0.97, turn=0.0)), fill(*(c * 0.62 for c in cells), tone=1)]


def bricks(v: Vary) -> list[Part]:
    """A piece of wall."""
    h = v(0.26, 0.06)
    stones = [
        box(max(-0.9, x - 0.27), y, min(0.9, x + 0.27), y + h)
        for k, y in enumerate(np.arange(-0.85, 0.6, h + 0.08))
        for x in np.arange(-0.9 + 0.31 * (k % 2), 1.1, 0.62)
        if x - 0.27 < 0.8
    ]
    return [fill(box(-0.97, -0.92, 0.97, 0.85), tone=1), fill(*stones)]


def chain(v: Vary) -> list[Part]:
    """Five links in a row."""
    return [
        fill(ellipse(-0.72 + 0.36 * k, 0, 0.27, v(0.2)), ellipse(-0.72 + 0.36 * k, 0, 0.16, 0.1), tone=k % 2)
        for k in range(5)
    ]


def weave(v: Vary) -> list[Part]:
    """Straps that go over and under each other."""
    w = v(0.3, 0.06) / 2
    places = (-0.69, -0.23, 0.23, 0.69)
    upright = [fill(box(x - w, -0.95, x + w, 0.95), tone=1) for x in places]
    level = [fill(box(-0.95, y - w, 0.95, y + w)) for y in places]
    over = [
        fill(box(x - w, y - w - 0.05, x + w, y + w + 0.05), tone=1)
        for i, x in enumerate(places)
        for j, y in enumerate(places)
        if (i + j) % 2
    ]
    return [*upright, *level, *over]


def chessboard(v: Vary) -> list[Part]:
    """A framed board of five by five."""
    s = v(0.34, 0.05)
    squares = [
        box(s * (i - 2.5), s * (j - 2.5), s * (i - 1.5), s * (j - 1.5))
        for i in range(5)
        for j in range(5)
        if (i + j) % 2 == 0
    ]
    edge = 2.5 * s + 0.1
    return [fill(box(-edge, -edge, edge, edge), tone=1), fill(*squares)]


def snowflake(v: Vary) -> list[Part]:
    """A six-armed crystal with side twigs."""
    twig = v(0.26)
    arm = [np.array([(0.0, 0.0), (0.0, -0.95)])]
    arm += [
        np.array([(0.0, -d), (s * twig * k, -d - twig * k)]) for d, k in ((0.35, 1.0), (0.62, 0.8)) for s in (-1, 1)
    ]
    return [lines([turned(p, a) for a in np.arange(6) * np.pi / 3 for p in arm], 0.07)]


def koch(v: Vary) -> list[Part]:
    """Koch's curve around a triangle."""
    edge = regular(3, v(0.85, 0.05))
    for _ in range(3):
        step = (np.roll(edge, -1, axis=0) - edge) / 3
        tip = edge + step + turned(step, -np.pi / 3)
        edge = np.stack([edge, edge + step, tip, edge + 2 * step], axis=1).reshape(-1, 2)
    return [fill(edge)]


def sierpinski(v: Vary) -> list[Part]:
    """A triangle of triangles."""
    triangles = [regular(3, 0.95, 0, v(0.2))]
    for _ in range(3):
        triangles = [(t + t[k]) / 2 for t in triangles for k in range(3)]
    return [fill(t) for t in triangles]


def dragon(v: Vary) -> list[Part]:
    """The curve of a strip of paper folded seven times."""
    steps = np.ones(1, dtype=np.int64)
    for _ in range(6):
        steps = np.concatenate([steps, [1], -steps[::-1]])
    heading = np.cumsum(np.concatenate([[0], steps])) * (np.pi / 2)
    path = np.concatenate([[(0.0, 0.0)], np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)])
    path = path - (path.min(axis=0) + path.max(axis=0)) / 2
    return [line(path / np.abs(path).max() * 0.93, v(0.09))]


LETTERS: dict[str, list[Points]] = {
    "a": [np.array([(-0.65, 0.9), (0.0, -0.9), (0.65, 0.9)]), np.array([(-0.4, 0.3), (0.4, 0.3)])],
    "e": [np.array([(0.55, -0.9), (-0.5, -0.9), (-0.5, 0.9), (0.55, 0.9)]), np.array([(-0.5, 0.0), (0.4, 0.0)])],
    "k": [
        np.array([(-0.5, -0.9), (-0.5, 0.9)]),
        np.array([(0.55, -0.9), (-0.45, 0.1)]),
        np.array([(-0.15, -0.15), (0.6, 0.9)]),
    ],
    "r": [
        np.concatenate(
            [[(-0.5, 0.9), (-0.5, -0.85)], arc(0.0, -0.43, 0.5, 0.42, -np.pi / 2, np.pi / 2, points=16), [(-0.5, 0.0)]]
        ),
        np.array([(0.0, 0.0), (0.55, 0.9)]),
    ],
    "s": [
        smooth(
            [(0.5, -0.65), (0.0, -0.9), (-0.5, -0.5), (0.0, 0.0), (0.5, 0.5), (0.0, 0.9), (-0.5, 0.65)], closed=False
        )
    ],
    "w": [np.array([(-0.85, -0.85), (-0.45, 0.85), (0.0, -0.4), (0.45, 0.85), (0.85, -0.85)])],
}


def letter(v: Vary, name: str) -> list[Part]:
    """A capital written with a broad pen."""
    return [lines(LETTERS[name], v(0.24, 0.3))]


KINDS: dict[str, Design] = {
    "honeycomb": honeycomb,
    "brick_wall": bricks,
    "chain": chain,
    "weave": weave,
    "chessboard": chessboard,
    "snowflake": snowflake,
    "koch_curve": koch,
    "sierpinski": sierpinski,
    "dragon_curve": dragon,
    **{f"letter_{name}": partial(letter, name=name) for name in LETTERS},
}
