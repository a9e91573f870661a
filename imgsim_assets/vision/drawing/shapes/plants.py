"""Flowers, leaves and trees."""

from functools import partial

import numpy as np

from imgsim_assets.vision.drawing.outline import (
    Design,
    Part,
    Vary,
    box,
    ellipse,
    fill,
    line,
    lines,
    polar,
    smooth,
)


def flower(v: Vary, petals: int, width: float) -> list[Part]:
    """Petals around a disc, on a stalk."""
    reach = 0.33
    angles = np.arange(petals) * (2 * np.pi / petals) - np.pi / 2
    discs = [
        fill(ellipse(reach * np.cos(a), -0.3 + reach * np.sin(a), 0.3, v(width, 0.08), turn=a), tone=0) for a in angles
    ]
    stalk = line(smooth([(0, -0.3), (0.05, 0.3), (0, 0.98)], closed=False), 0.07, tone=2)
    return [stalk, *discs, fill(ellipse(0, -0.3, v(0.17)), tone=1)]


def tulip(v: Vary) -> list[Part]:
    """A cup-shaped flower with two long leaves."""
    h = v(0.95, 0.05)
    cup = [(-0.4, -h), (-0.18, -0.6), (0, -h), (0.18, -0.6), (0.4, -h), (0.42, -0.35), (0.0, -0.05), (-0.42, -0.35)]
    leaf = smooth([(0.0, 0.95), (0.5, 0.3), (0.6, -0.1), (0.25, 0.3)])
    return [line([(0, -0.1), (0, 0.98)], 0.08, tone=1), fill(leaf, tone=1), fill(leaf * (-1, 1), tone=1), fill(cup)]


def leaf(v: Vary) -> list[Part]:
    """A pointed oval with veins."""
    w = v(0.5)
    veins = [[(0, y), (s * w * 0.7, y - 0.28)] for y in (-0.3, 0.0, 0.3, 0.6) for s in (-1, 1)]
    blade = smooth(
        [
            (0, -0.95),
            (0.7 * w, -0.5),
            (w, 0.05),
            (0.5 * w, 0.55),
            (0, 0.75),
            (-0.5 * w, 0.55),
            (-w, 0.05),
            (-0.7 * w, -0.5),
        ]
    )
    return [fill(blade), lines([[(0, -0.85), (0, 0.98)], *veins], 0.045, tone=1)]


def maple(v: Vary) -> list[Part]:
    """A leaf with five jagged lobes."""
    half = [
        (0, -0.95),
        (0.15, -0.55),
        (0.33, -0.65),
        (0.3, -0.2),
        (0.6, -0.45),
        (0.65, -0.28),
        (0.95, -0.25),
        (0.78, 0.0),
        (0.85, 0.15),
        (0.4, 0.35),
        (0.45, 0.5),
        (0.06, 0.45),
        (0.05, 0.95),
    ]
    right = np.array(half) * (v(1, 0.08), 1)
    return [fill(np.concatenate([right, right[::-1] * (-1, 1)]))]


def fern(v: Vary) -> list[Part]:
    """A frond: a rib with leaflets that shorten towards the tip."""
    leaflets = []
    for y in np.linspace(0.7, -0.85, 11):
        length = 0.12 + 0.5 * (y + 0.95) / 1.65
        leaflets += [fill(ellipse(s * length / 2, y - 0.08, length / 2, v(0.055), turn=-s * 0.35)) for s in (-1, 1)]
    return [line([(0, 0.98), (0, -0.95)], 0.05, tone=1), *leaflets]


def clover(v: Vary) -> list[Part]:
    """Three round leaflets on a stalk."""
    r = v(0.36, 0.06)
    discs = [fill(ellipse(0.4 * np.cos(a), -0.25 + 0.4 * np.sin(a), r)) for a in (-np.pi / 2, np.pi / 6, 5 * np.pi / 6)]
    return [line(smooth([(0, -0.2), (0.08, 0.4), (0.25, 0.95)], closed=False), 0.1, tone=1), *discs]


def conifer(v: Vary) -> list[Part]:
    """Three tiers on a trunk."""
    tiers = [
        fill([(0, top), (half, bottom), (-half, bottom)])
        for top, half, bottom in ((-0.05, v(0.7), 0.65), (-0.5, v(0.55), 0.2), (-0.97, v(0.4), -0.25))
    ]
    return [fill(box(-0.11, 0.6, 0.11, 0.97), tone=1), *tiers]


def round_tree(v: Vary) -> list[Part]:
    """A lobed crown on a trunk."""
    t = np.arange(72) * (2 * np.pi / 72)
    crown = polar(v(0.6, 0.06) * (1 + 0.1 * np.abs(np.sin(4.5 * t))), 0, -0.3)
    return [fill([(-0.1, 0.1), (0.1, 0.1), (0.17, 0.97), (-0.17, 0.97)], tone=1), fill(crown)]


def palm(v: Vary) -> list[Part]:
    """A bent trunk with hanging fronds."""
    fronds = [
        fill(smooth([(0.05, -0.45), (0.4 * c, -0.75 + 0.2 * d), (v(0.85) * c, d), (0.35 * c, -0.5 + 0.25 * d)]))
        for c, d in ((1, -0.2), (-1, -0.2), (0.7, 0.15), (-0.7, 0.15), (0.55, -0.75), (-0.55, -0.75))
    ]
    return [line(smooth([(0.05, -0.45), (-0.08, 0.2), (0.1, 0.97)], closed=False), 0.12, tone=1), *fronds]


def bare_tree(v: Vary) -> list[Part]:
    """A trunk that forks five times."""
    parts: list[Part] = []
    tips = [(np.array([0.0, 0.95]), -np.pi / 2, 0.55)]
    for depth in range(6):
        ends = [(at, at + length * np.array([np.cos(a), np.sin(a)]), a, length) for at, a, length in tips]
        parts.append(lines([[tuple(at), tuple(end)] for at, end, _, _ in ends], 0.13 * 0.66**depth))
        tips = [(end, a + s * v(0.5, 0.2), length * 0.7) for _, end, a, length in ends for s in (-1, 1)]
    return parts


def cactus(v: Vary) -> list[Part]:
    """A column with two raised arms, in a pot."""
    w = v(0.28)
    return [
        line([(0.0, -0.8), (0.0, 0.6)], w + 0.1),
        line([(0.0, 0.2), (0.55, 0.2), (0.55, -0.35)], w * 0.75),
        line([(0.0, 0.0), (-0.55, 0.0), (-0.55, -0.5)], w * 0.75),
        fill([(-0.45, 0.5), (0.45, 0.5), (0.32, 0.97), (-0.32, 0.97)], tone=1),
    ]


KINDS: dict[str, Design] = {
    "flower_5_petals": partial(flower, petals=5, width=0.22),
    "flower_12_petals": partial(flower, petals=12, width=0.08),
    "tulip": tulip,
    "leaf_oval": leaf,
    "leaf_maple": maple,
    "fern": fern,
    "clover": clover,
    "tree_conifer": conifer,
    "tree_round": round_tree,
    "tree_palm": palm,
    "tree_bare": bare_tree,
    "cactus": cactus,
}
