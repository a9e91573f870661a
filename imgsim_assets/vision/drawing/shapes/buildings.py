"""Buildings."""

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
)


def house(v: Vary) -> list[Part]:
    """A gabled house with door, windows and chimney."""
    top = -v(0.9, 0.08)
    return [
        fill(box(0.4, -0.85, 0.6, -0.3), tone=1),
        fill(box(-0.7, -0.15, 0.7, 0.9)),
        fill([(-0.92, -0.15), (0, top), (0.92, -0.15)], tone=1),
        fill(box(-0.15, 0.35, 0.15, 0.9), tone=2),
        fill(box(-0.55, 0.1, -0.28, 0.38), box(0.28, 0.1, 0.55, 0.38), tone=2),
    ]


def castle(v: Vary) -> list[Part]:
    """A wall with a gate between two notched towers."""
    parts = [fill(box(-0.6, -0.1, 0.6, 0.9))]
    for side in (-1, 1):
        x = side * 0.65
        notches = [box(x - 0.28 + 0.22 * k, -0.85, x - 0.16 + 0.22 * k, -0.6) for k in range(3)]
        parts += [
            fill(box(x - 0.28, -0.62, x + 0.28, 0.9)),
            fill(*notches),
            fill(box(x - 0.06, -0.3, x + 0.06, 0.0), tone=1),
        ]
    gate = np.concatenate([arc(0, 0.45, v(0.22), 0.25, np.pi, 2 * np.pi), [(0.22, 0.9), (-0.22, 0.9)]])
    return [*parts, fill(gate, tone=1)]


def church(v: Vary) -> list[Part]:
    """A nave beside a tower with a spire."""
    return [
        fill(box(-0.2, 0.1, 0.9, 0.92)),
        fill([(-0.3, 0.1), (0.05, -0.25), (0.75, -0.25), (0.98, 0.1)], tone=1),
        fill(box(-0.75, -0.25, -0.2, 0.92)),
        fill([(-0.85, -0.25), (-0.475, -v(0.97, 0.03)), (-0.1, -0.25)], tone=1),
        fill(ellipse(-0.475, 0.05, 0.1), box(0.1, 0.35, 0.25, 0.65), box(0.5, 0.35, 0.65, 0.65), tone=2),
    ]


def windmill(v: Vary) -> list[Part]:
    """A tapered tower with four sails."""
    turn = v(0.75, 0.3)
    sails = []
    for k in range(4):
        a = turn + k * np.pi / 2
        along, across = np.array([np.cos(a), np.sin(a)]), np.array([-np.sin(a), np.cos(a)])
        hub = np.array([0, -0.35])
        sails.append(
            fill(
                [
                    tuple(hub),
                    tuple(hub + 0.62 * along),
                    tuple(hub + 0.62 * along + 0.17 * across),
                    tuple(hub + 0.15 * along + 0.17 * across),
                ],
                tone=1,
            )
        )
    return [
        fill(mirrored([(0.22, -0.45), (0.42, 0.95)])),
        *sails,
        fill(ellipse(0, -0.35, 0.08), tone=2),
        fill(box(-0.1, 0.6, 0.1, 0.95), tone=2),
    ]


def lighthouse(v: Vary) -> list[Part]:
    """A banded tower with a lamp room."""
    bands = [
        fill(mirrored([(0.22 + 0.03 * k, -0.4 + 0.3 * k), (0.235 + 0.03 * k, -0.25 + 0.3 * k)]), tone=1)
        for k in range(4)
    ]
    return [
        fill(mirrored([(0.2, -0.5), (v(0.36, 0.06), 0.95)])),
        *bands,
        fill(box(-0.3, -0.55, 0.3, -0.47), tone=2),
        fill(box(-0.16, -0.8, 0.16, -0.55), tone=1),
        fill([(-0.22, -0.8), (0, -0.98), (0.22, -0.8)], tone=2),
    ]


def tent(v: Vary) -> list[Part]:
    """A ridge tent with an open flap."""
    h = v(0.7)
    return [
        fill([(0.1, -h), (0.97, 0.6), (-0.3, 0.6)], tone=1),
        fill([(0.1, -h), (0.35, 0.6), (-0.95, 0.6)]),
        fill([(0.0, -0.25), (0.05, 0.6), (-0.5, 0.6)], tone=2),
    ]


def bridge(v: Vary) -> list[Part]:
    """A hanging bridge: two pylons, cables and hangers."""
    sag = v(0.6)
    x = np.linspace(-0.5, 0.5, 9)
    cable = np.stack([x, -0.6 + sag * (1 - (2 * x) ** 2)], axis=1)
    hangers = [[(a, b), (a, 0.3)] for a, b in cable]
    return [
        line([(-0.98, 0.32), (0.98, 0.32)], 0.13),
        lines([cable, [(-0.5, -0.6), (-0.97, 0.3)], [(0.5, -0.6), (0.97, 0.3)]], 0.05, tone=1),
        lines(hangers, 0.03, tone=1),
        fill(box(-0.57, -0.7, -0.43, 0.85), box(0.43, -0.7, 0.57, 0.85)),
    ]


KINDS: dict[str, Design] = {
    "house": house,
    "castle": castle,
    "church": church,
    "windmill": windmill,
    "lighthouse": lighthouse,
    "tent": tent,
    "hanging_bridge": bridge,
}
