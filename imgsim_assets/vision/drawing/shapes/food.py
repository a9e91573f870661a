"""Fruit and other things to eat."""

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
    smooth,
    turned,
)


def mushroom(v: Vary) -> list[Part]:
    """A spotted cap on a stalk."""
    cap = np.concatenate([arc(0, 0.05, 0.9, v(0.9), np.pi, 2 * np.pi), [(0.9, 0.05)]])
    spots = [ellipse(x, y, 0.12, 0.09) for x, y in ((-0.4, -0.3), (0.1, -0.55), (0.45, -0.2))]
    return [fill([(-0.22, 0.0), (0.22, 0.0), (0.3, 0.95), (-0.3, 0.95)], tone=1), fill(cap), fill(*spots, tone=2)]


def apple(v: Vary) -> list[Part]:
    """A dented round with a stalk and a leaf."""
    half = smooth(
        [(0.0, -0.4), (0.35, -0.55), (v(0.75, 0.06), -0.1), (0.5, 0.7), (0.15, 0.85), (0, 0.78)], closed=False
    )
    return [
        line([(0, -0.4), (0.08, -0.85)], 0.08, tone=1),
        fill(ellipse(0.35, -0.8, 0.27, 0.11, turn=-0.4), tone=2),
        fill(np.concatenate([half, half[::-1] * (-1, 1)])),
    ]


def cherries(v: Vary) -> list[Part]:
    """Two balls on joined stalks."""
    r = v(0.36)
    return [
        line(smooth([(-0.45, 0.5), (-0.2, -0.3), (0.3, -0.9)], closed=False), 0.06, tone=1),
        line(smooth([(0.5, 0.4), (0.5, -0.3), (0.3, -0.9)], closed=False), 0.06, tone=1),
        fill(ellipse(-0.45, 0.55, r)),
        fill(ellipse(0.5, 0.45, r)),
    ]


def carrot(v: Vary) -> list[Part]:
    """A root with three green tufts."""
    w = v(0.36)
    tufts = [fill(ellipse(0.2 * k, -0.7, 0.09, 0.28, turn=0.5 * k), tone=1) for k in (-1, 0, 1)]
    grooves = [[(-w * 0.8, -0.2), (-0.05, -0.17)], [(w * 0.6, 0.1), (0.05, 0.13)], [(-w * 0.45, 0.4), (0, 0.42)]]
    return [
        *tufts,
        fill(smooth([(-w, -0.42), (0, -0.52), (w, -0.42), (0.5 * w, 0.3), (0, 0.98), (-0.5 * w, 0.3)])),
        lines(grooves, 0.04, tone=2),
    ]


def banana(v: Vary) -> list[Part]:
    """A bent fruit with two ends."""
    outer = arc(0, -0.5, 0.95, v(1.25), 0.1, np.pi - 0.1)
    inner = arc(0, -0.5, 0.75, 0.7, np.pi - 0.15, 0.15)
    return [
        fill(np.concatenate([outer, inner])),
        fill(box(-0.98, -0.6, -0.78, -0.38), tone=1),
        fill(box(0.78, -0.6, 0.98, -0.38), tone=1),
    ]


def ice_cream(v: Vary) -> list[Part]:
    """Two scoops in a waffle cone."""
    hatch = [
        [(-0.3, 0.0), (0.12, 0.62)],
        [(0.3, 0.0), (-0.12, 0.62)],
        [(0.0, 0.0), (0.25, 0.3)],
        [(0.0, 0.0), (-0.25, 0.3)],
    ]
    return [
        fill([(-0.47, -0.02), (0.47, -0.02), (0, 0.98)]),
        lines(hatch, 0.04, tone=2),
        fill(ellipse(0, -0.2, v(0.52, 0.06), 0.4), tone=1),
        fill(ellipse(0, -0.62, v(0.38), 0.35), tone=2),
    ]


def pineapple(v: Vary) -> list[Part]:
    """A hatched oval below a tuft."""
    hatch = [
        turned(np.array([(-0.42, 0.38 + d), (0.42, 0.38 + d)]), s * 0.7, 0, 0.38)
        for d in (-0.3, -0.1, 0.1, 0.3)
        for s in (-1, 1)
    ]
    tuft = [
        fill([(0.12 * k - 0.1, -0.1), (0.3 * k, -0.97 + 0.12 * abs(k)), (0.12 * k + 0.1, -0.1)], tone=1)
        for k in (-2, -1, 0, 1, 2)
    ]
    return [*tuft, fill(ellipse(0, 0.38, v(0.45), 0.58)), lines(hatch, 0.04, tone=2)]


KINDS: dict[str, Design] = {
    "mushroom": mushroom,
    "apple": apple,
    "cherries": cherries,
    "carrot": carrot,
    "banana": banana,
    "ice_cream": ice_cream,
    "pineapple": pineapple,
}
