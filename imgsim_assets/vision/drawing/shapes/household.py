"""Instruments, furniture, clothes and other things of the household."""

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


def guitar(v: Vary) -> list[Part]:
    """A waisted body with a neck."""
    body = smooth(
        [
            (0, -0.08),
            (0.3, -0.02),
            (0.22, 0.28),
            (v(0.45), 0.65),
            (0.0, 0.97),
            (-0.45, 0.65),
            (-0.22, 0.28),
            (-0.3, -0.02),
        ]
    )
    return [
        fill(box(-0.065, -0.8, 0.065, 0.1), tone=1),
        fill(box(-0.13, -0.98, 0.13, -0.78), tone=1),
        fill(body),
        fill(ellipse(0, 0.35, 0.12), tone=2),
        fill(box(-0.16, 0.68, 0.16, 0.74), tone=2),
    ]


def clock(v: Vary) -> list[Part]:
    """A dial with ticks and hands."""
    ticks = [
        [(0.68 * np.cos(a), 0.68 * np.sin(a)), (0.78 * np.cos(a), 0.78 * np.sin(a))] for a in np.arange(12) * np.pi / 6
    ]
    hour, minute = v(1.0, 1.0) * np.pi, v(3.0, 1.0) * np.pi
    hands = [
        [(0, 0), (0.4 * np.cos(hour), 0.4 * np.sin(hour))],
        [(0, 0), (0.62 * np.cos(minute), 0.62 * np.sin(minute))],
    ]
    return [
        fill(ellipse(0, 0, 0.95)),
        fill(ellipse(0, 0, 0.83), tone=1),
        lines(ticks, 0.06, tone=2),
        lines(hands, 0.08, tone=2),
    ]


def glasses(v: Vary) -> list[Part]:
    """Two lenses with a bridge and temples."""
    r = v(0.36, 0.08)
    return [
        fill(ellipse(-0.45, 0, r, 0.32), ellipse(-0.45, 0, r - 0.08, 0.24)),
        fill(ellipse(0.45, 0, r, 0.32), ellipse(0.45, 0, r - 0.08, 0.24)),
        line(arc(0, -0.02, 0.13, 0.12, np.pi, 2 * np.pi), 0.07),
        lines([[(-0.8, -0.08), (-0.97, -0.25)], [(0.8, -0.08), (0.97, -0.25)]], 0.07),
    ]


def chair(v: Vary) -> list[Part]:
    """A chair with a slatted back."""
    slats = [[(-0.45 + 0.2 * k, -0.9), (-0.45 + 0.2 * k, 0.05)] for k in range(4)]
    return [
        lines(slats, 0.06, tone=1),
        line([(-0.5, -0.92), (0.2, -0.92)], 0.1),
        lines(
            [
                [(-0.5, -0.9), (-0.5, 0.95)],
                [(0.55, 0.15), (0.55, 0.95)],
                [(0.2, -0.9), (0.2, 0.0)],
                [(-0.25, 0.2), (-0.25, 0.7)],
            ],
            0.09,
        ),
        fill([(-0.55, 0.05), (0.35, 0.0), (0.65, v(0.17)), (-0.5, 0.25)], tone=0),
    ]


def lamp(v: Vary) -> list[Part]:
    """A shade on a foot."""
    return [
        line([(0, -0.1), (0, 0.85)], 0.09, tone=1),
        fill(ellipse(0, 0.85, 0.4, 0.1), tone=1),
        fill([(-0.3, -0.92), (0.3, -0.92), (v(0.65), 0.05), (-0.65, 0.05)]),
    ]


def light_bulb(v: Vary) -> list[Part]:
    """A bulb with its thread."""
    bulb = smooth(
        [(0, -0.95), (v(0.55), -0.45), (0.28, 0.15), (0.22, 0.4), (-0.22, 0.4), (-0.28, 0.15), (-0.55, -0.45)]
    )
    return [
        fill(bulb),
        lines([[(-0.22, y), (0.22, y + 0.06)] for y in (0.45, 0.6, 0.75)], 0.11, tone=1),
        fill(box(-0.1, 0.85, 0.1, 0.97), tone=1),
        line([(-0.12, 0.2), (-0.15, -0.3), (0, -0.1), (0.15, -0.3), (0.12, 0.2)], 0.04, tone=2),
    ]


def bell(v: Vary) -> list[Part]:
    """A bell with its clapper."""
    right = smooth([(0.1, -0.8), (0.4, -0.5), (0.48, 0.1), (v(0.8), 0.6)], closed=False)
    return [
        fill(ellipse(0, 0.72, 0.17), tone=1),
        fill(ellipse(0, -0.85, 0.13), ellipse(0, -0.85, 0.06), tone=1),
        fill(mirrored(right)),
        fill(box(-0.62, 0.36, 0.62, 0.46), tone=1),
    ]


def hourglass(v: Vary) -> list[Part]:
    """Two cones between two plates."""
    w = v(0.52)
    return [
        fill(mirrored([(w, -0.8), (w, -0.6), (0.06, 0.0), (w, 0.6), (w, 0.8)])),
        fill([(-0.3, -0.4), (0.3, -0.4), (0, -0.03)], tone=2),
        fill([(-0.4, 0.75), (0.4, 0.75), (0, 0.4)], tone=2),
        fill(box(-0.7, -0.97, 0.7, -0.78), box(-0.7, 0.78, 0.7, 0.97), tone=1),
    ]


def trousers(v: Vary) -> list[Part]:
    """A pair of trousers."""
    return [
        fill([(-0.5, -0.92), (0.5, -0.92), (v(0.68), 0.95), (0.2, 0.95), (0, -0.25), (-0.2, 0.95), (-0.68, 0.95)]),
        fill(box(-0.52, -0.95, 0.52, -0.78), tone=1),
    ]


def shirt(v: Vary) -> list[Part]:
    """A shirt with short sleeves."""
    return [
        fill(mirrored([(0.22, -0.82), (0.55, -0.75), (0.97, -v(0.2)), (0.7, 0.02), (0.5, -0.25), (0.5, 0.9)])),
        fill(ellipse(0, -0.82, 0.24, 0.2), tone=1),
        fill(*(ellipse(0, y, 0.05) for y in (-0.35, 0.0, 0.35, 0.7)), tone=2),
    ]


def camera(v: Vary) -> list[Part]:
    """A camera with its lens and flash."""
    return [
        fill(box(-0.3, -0.75, 0.3, -0.4)),
        fill(box(-0.95, -0.5, 0.95, 0.7)),
        fill(ellipse(0, 0.12, v(0.46, 0.06)), tone=1),
        fill(ellipse(0, 0.12, 0.28), tone=2),
        fill(box(0.58, -0.38, 0.85, -0.2), tone=1),
    ]


def envelope(v: Vary) -> list[Part]:
    """A closed letter."""
    return [
        fill(box(-0.95, -0.6, 0.95, 0.65)),
        fill([(-0.95, -0.6), (0.95, -0.6), (0, v(0.2))], tone=1),
        lines(
            [[(-0.95, -0.6), (0, 0.2), (0.95, -0.6)], [(-0.95, 0.65), (-0.3, -0.02)], [(0.95, 0.65), (0.3, -0.02)]],
            0.05,
            tone=2,
        ),
    ]


KINDS: dict[str, Design] = {
    "guitar": guitar,
    "clock": clock,
    "glasses": glasses,
    "chair": chair,
    "lamp": lamp,
    "light_bulb": light_bulb,
    "bell": bell,
    "hourglass": hourglass,
    "trousers": trousers,
    "shirt": shirt,
    "camera": camera,
    "envelope": envelope,
}
