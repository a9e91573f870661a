"""Kinds of things that formulas make: the training classes, none of which is a kind of the sample.

A class is a family and a number; the number seeds the formula's parameters, so that there are as
many classes as one wants and none has to be drawn by hand.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from imgsim_assets.vision.drawing.outline import (
    Design,
    Part,
    Points,
    Vary,
    box,
    ellipse,
    fill,
    lines,
    polar,
    regular,
    smooth,
    starred,
    turned,
)
from imgsim_assets.vision.drawing.pose import between

Family: TypeAlias = Callable[[np.random.Generator], Design]


def contour(generator: np.random.Generator) -> Design:
    """A closed curve whose radius is a sum of waves, with or without a hole and a nested copy."""
    symmetry = int(generator.integers(1, 6))
    waves = [(symmetry * k, between(generator, 0.05, 0.4) / k**0.5, between(generator, 0, 6.3)) for k in (1, 2, 3)]
    corners = int(generator.choice([96, 96, 5, 7, 9, 12]))
    hole, nested = between(generator, 0, 0.7), between(generator, 0, 0.8)

    def draw(v: Vary) -> list[Part]:
        angle = np.arange(corners) * (2 * np.pi / corners)
        radius = 1 + sum(v(size) * np.cos(count * angle + phase) for count, size, phase in waves)
        outline = polar(0.92 * radius / np.abs(radius).max())
        whole = fill(outline, outline[::-1] * v(hole)) if hole > 0.35 else fill(outline)
        return [whole, fill(outline * v(nested, 0.06), tone=1)] if nested > 0.45 else [whole]

    return draw


def primitive(generator: np.random.Generator) -> Callable[[Vary], Points]:
    """One simple outline at some place of the unit square."""
    kind = int(generator.integers(6))
    x, y = between(generator, -0.6, 0.6), between(generator, -0.6, 0.6)
    wide, high = between(generator, 0.1, 0.5), between(generator, 0.1, 0.5)
    turn = float(generator.choice([0.0, 0.0, np.pi / 4, between(generator, 0, 3.1)]))
    corners = int(generator.integers(3, 8))
    rough = 0.5 + 0.5 * generator.random(corners + 2)

    def outline(v: Vary) -> Points:
        w, h = v(wide), v(high)
        base = (
            ellipse(0, 0, w, h, points=28),
            box(-w, -h, w, h),
            regular(corners, (w + h) / 2),
            starred(corners, max(w, h), min(w, h) * 0.6),
            smooth(polar(rough * max(w, h)), steps=4),
            np.array([(-w, h), (w, h), (w * 0.4, -h), (-w * 0.4, -h)]),
        )[kind]
        return np.add(turned(base, turn), (x, y), dtype=np.float64)

    return outline


def assembly(generator: np.random.Generator) -> Design:
    """Three to seven simple outlines, some repeated by a mirror or around the centre."""
    symmetry = int(generator.integers(-1, 5))
    pieces = [(primitive(generator), int(generator.integers(3))) for _ in range(int(generator.integers(3, 8)))]
    strokes = [generator.random((3, 2)) * 1.8 - 0.9 for _ in range(int(generator.integers(0, 3)))]
    width = between(generator, 0.05, 0.14)

    def copies(outline: Points) -> list[Points]:
        if symmetry <= 0:
            return [outline] if symmetry == 0 else [outline, outline * (-1, 1)]
        return [turned(outline, k * 2 * np.pi / (symmetry + 1)) for k in range(symmetry + 1)]

    def draw(v: Vary) -> list[Part]:
        parts = [lines([c for s in strokes for c in copies(s)], v(width), tone=2)] if strokes else []
        for outline, tone in pieces:
            parts += [fill(copy, tone=tone) for copy in copies(outline(v))]
        return fitted(parts)

    return draw


def fitted(parts: list[Part]) -> list[Part]:
    """Scale and move parts so that they fill the unit square."""
    everything = np.concatenate([contour for part in parts for contour in part.contours])
    low, high = everything.min(axis=0), everything.max(axis=0)
    scale = 1.9 / max(1e-6, float((high - low).max()))
    middle = (low + high) / 2
    return [Part(tuple((c - middle) * scale for c in p.contours), p.tone, p.width * scale, p.shade) for p in parts]


def stroke(generator: np.random.Generator) -> Design:
    """One to three written curves."""
    curves = [
        generator.random((int(generator.integers(3, 8)), 2)) * 2 - 1 for _ in range(int(generator.integers(1, 4)))
    ]
    straight = generator.random() < 0.35
    width = between(generator, 0.08, 0.25)
    mirror = generator.random() < 0.4

    def draw(v: Vary) -> list[Part]:
        shaken = [c + 0.06 * (2 * v.generator.random(c.shape) - 1) for c in curves]
        paths = [c if straight else smooth(c, closed=False) for c in shaken]
        both = [*paths, *(p * (-1, 1) for p in paths)] if mirror else paths
        return fitted([lines(both, v(width))])

    return draw


def branch(generator: np.random.Generator) -> Design:
    """A line that forks again and again."""
    children = [
        (between(generator, -1.3, 1.3), between(generator, 0.5, 0.85)) for _ in range(int(generator.integers(2, 4)))
    ]
    depth = 5 if len(children) == 2 else 4
    bundle = int(generator.choice([1, 1, 3, 5, 6]))

    def draw(v: Vary) -> list[Part]:
        turns = [(v(angle), v(shrink, 0.05)) for angle, shrink in children]
        tips = [(np.zeros(2), -np.pi / 2 + k * 2 * np.pi / bundle, 1.0) for k in range(bundle)]
        parts = []
        for level in range(depth):
            ends = [(at, at + length * np.array([np.cos(a), np.sin(a)]), a, length) for at, a, length in tips]
            parts.append(lines([np.stack([at, end]) for at, end, _, _ in ends], 0.3 * 0.65**level, tone=level % 2))
            tips = [(end, a + turn, length * shrink) for _, end, a, length in ends for turn, shrink in turns]
        return fitted(parts)

    return draw


def fractal(generator: np.random.Generator) -> Design:
    """An outline mapped into itself by three or four contractions, four times over."""
    count = int(generator.integers(3, 5))
    maps = [
        (between(generator, 0.3, 0.6), between(generator, 0, 6.3), generator.random(2) * 1.6 - 0.8)
        for _ in range(count)
    ]
    seed = regular(int(generator.integers(3, 7)), 0.9)

    def draw(v: Vary) -> list[Part]:
        varied = [(v(scale, 0.05), angle + 0.1 * v(1, 1) - 0.1, move) for scale, angle, move in maps]
        shapes = [seed]
        for _ in range(4 if count == 3 else 3):
            shapes = [turned(shape * scale, angle) + move for shape in shapes for scale, angle, move in varied]
        return fitted([fill(*shapes)])

    return draw


def lattice(generator: np.random.Generator) -> Design:
    """A small outline repeated on a grid over the whole picture: a surface."""
    motif = primitive(generator)
    step = between(generator, 0.22, 0.55)
    stagger = float(generator.choice([0.0, 0.5, 0.33]))
    tall = between(generator, 0.6, 1.4)
    spin = float(generator.choice([0.0, 0.0, np.pi / 2, np.pi]))
    backed = generator.random() < 0.5
    reach = float(generator.choice([1.0, 1.6]))

    def draw(v: Vary) -> list[Part]:
        outline = motif(v)
        outline = (outline - outline.mean(axis=0)) / np.abs(outline - outline.mean(axis=0)).max() * v(step) * 0.46
        rows = np.arange(-reach, reach, step * tall)
        cells = [
            turned(outline, spin * ((i + j) % 2)) + np.array([x + stagger * step * (j % 2), y])
            for j, y in enumerate(rows)
            for i, x in enumerate(np.arange(-reach, reach, step))
        ]
        panel = [fill(box(-reach, -reach, reach + step / 2, reach), tone=1)] if backed else []
        return [*panel, fill(*cells)]

    return draw
