"""Tools and locks."""

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
    smooth,
)


def key(v: Vary) -> list[Part]:
    """A key with a ring and two bits."""
    return [
        fill(ellipse(-0.6, 0, v(0.36)), ellipse(-0.6, 0, 0.19)),
        fill(box(-0.3, -0.08, 0.95, 0.08)),
        fill(box(0.5, 0.05, 0.62, 0.36), box(0.78, 0.05, 0.93, 0.42)),
    ]


def padlock(v: Vary) -> list[Part]:
    """A body with a bow and a keyhole."""
    return [
        line(np.concatenate([[(-0.4, 0.1)], arc(0, -0.3, 0.4, v(0.5), np.pi, 2 * np.pi), [(0.4, 0.1)]]), 0.16, tone=1),
        fill(box(-0.65, -0.1, 0.65, 0.9)),
        fill(ellipse(0, 0.28, 0.13), tone=2),
        fill([(-0.06, 0.3), (0.06, 0.3), (0.1, 0.65), (-0.1, 0.65)], tone=2),
    ]


def hammer(v: Vary) -> list[Part]:
    """A handle with a block and a claw."""
    return [
        fill(box(-0.09, -0.5, 0.09, 0.97), tone=1),
        fill([(-0.65, -0.9), (0.3, -0.9), (0.75, -0.6), (0.85, -0.3), (0.35, -v(0.5)), (-0.65, -0.45)]),
    ]


def wrench(v: Vary) -> list[Part]:
    """A spanner with an open jaw at each end."""
    jaw = [(0.15, 0.5), (0.4, 0.62), (0.42, 0.95), (0.17, 0.97), (0.15, 0.75)]
    w = v(0.13)
    return [
        fill(mirrored([(0.15, -0.75), (0.17, -0.97), (0.42, -0.95), (0.4, -0.62), (w, -0.45), (w, 0.45), *jaw[1:]]))
    ]


def scissors(v: Vary) -> list[Part]:
    """Two crossed blades with finger rings."""
    a = v(0.36)
    blades = [fill([(s * 0.1, 0.2), (s * a, -0.95), (-s * 0.1, 0.1)]) for s in (-1, 1)]
    rings = [fill(ellipse(s * 0.4, 0.65, 0.3), ellipse(s * 0.4, 0.65, 0.17), tone=1) for s in (-1, 1)]
    return [
        *blades,
        lines([[(0, 0.1), (-0.25, 0.42)], [(0, 0.1), (0.25, 0.42)]], 0.12, tone=1),
        *rings,
        fill(ellipse(0, 0.12, 0.06), tone=2),
    ]


def saw(v: Vary) -> list[Part]:
    """A toothed blade with a grip."""
    teeth = [(x, y) for k in range(12) for x, y in ((-0.35 + 0.11 * k, 0.32), (-0.295 + 0.11 * k, 0.47))]
    return [
        fill([(0.97, 0.1), (-0.35, -v(0.25)), *teeth, (0.97, 0.3)]),
        fill(smooth([(-0.95, -0.4), (-0.3, -0.4), (-0.3, 0.5), (-0.9, 0.5)]), ellipse(-0.62, 0.05, 0.16, 0.25), tone=1),
    ]


def axe(v: Vary) -> list[Part]:
    """A handle with a flared blade."""
    return [
        fill(box(0.1, -0.9, 0.28, 0.97), tone=1),
        fill(
            smooth(
                [
                    (0.38, -0.75),
                    (-0.2, -0.7),
                    (-0.75, -v(0.95)),
                    (-0.85, -0.35),
                    (-0.65, 0.15),
                    (-0.2, -0.35),
                    (0.38, -0.35),
                ],
                steps=4,
            )
        ),
    ]


def ladder(v: Vary) -> list[Part]:
    """Two rails and six rungs."""
    w = v(0.36)
    rungs = [[(-w, y), (w, y)] for y in np.linspace(-0.75, 0.75, 6)]
    return [lines([[(-w, -0.95), (-w, 0.95)], [(w, -0.95), (w, 0.95)]], 0.1), lines(rungs, 0.08, tone=1)]


def comb(v: Vary) -> list[Part]:
    """A back with many teeth."""
    teeth = [box(-0.88 + 0.13 * k, -0.2, -0.81 + 0.13 * k, v(0.6)) for k in range(14)]
    return [fill(box(-0.97, -0.5, 0.97, -0.15)), fill(*teeth)]


def pencil(v: Vary) -> list[Part]:
    """A pencil with its tip and rubber."""
    w = v(0.14)
    return [
        fill(box(-0.6, -w, 0.62, w)),
        fill([(-0.6, -w), (-0.97, 0), (-0.6, w)], tone=1),
        fill([(-0.87, -0.035), (-0.97, 0), (-0.87, 0.035)], tone=2),
        fill(box(0.62, -w, 0.92, w), tone=2),
    ]


def umbrella(v: Vary) -> list[Part]:
    """An open umbrella with a hook."""
    dome = arc(0, 0.1, 0.95, v(0.95, 0.05), np.pi, 2 * np.pi)
    scallops = np.concatenate([arc(0.95 - 0.19 - 0.38 * k, 0.1, 0.19, 0.12, 0, -np.pi, points=8) for k in range(5)])
    return [
        line(np.concatenate([[(0, -0.9), (0, 0.75)], arc(-0.14, 0.75, 0.14, 0.18, 0, np.pi, points=12)]), 0.06, tone=1),
        fill(np.concatenate([dome, scallops])),
    ]


def fork(v: Vary) -> list[Part]:
    """A fork with four tines."""
    tines = [box(x - 0.045, -0.97, x + 0.045, -0.35) for x in (-0.27, -0.09, 0.09, 0.27)]
    return [
        fill(*tines),
        fill(smooth([(-0.32, -0.45), (0.32, -0.45), (0.28, -0.15), (0, 0.05), (-0.28, -0.15)], steps=4)),
        line([(0, 0), (0, 0.92)], v(0.13)),
    ]


def spoon(v: Vary) -> list[Part]:
    """A spoon."""
    return [
        line([(0, 0), (0, 0.92)], v(0.12)),
        fill(ellipse(0, -0.5, v(0.3), 0.45)),
        fill(ellipse(0, -0.5, 0.17, 0.3), tone=1),
    ]


KINDS: dict[str, Design] = {
    "key": key,
    "padlock": padlock,
    "hammer": hammer,
    "wrench": wrench,
    "scissors": scissors,
    "saw": saw,
    "axe": axe,
    "ladder": ladder,
    "comb": comb,
    "pencil": pencil,
    "umbrella": umbrella,
    "fork": fork,
    "spoon": spoon,
}
