"""Things that hold something: bottles, glasses, pots, bags."""

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
    smooth,
)


def bottle(v: Vary, neck: float, shoulder: float, body: float) -> list[Part]:
    """A bottle with a label and a cap."""
    b, n = v(body), v(neck)
    right = [(n, -0.8), (n, shoulder - 0.3), (b, shoulder), (b, 0.9), (b - 0.06, 0.97)]
    return [
        fill(mirrored(right)),
        fill(box(-b, 0.1, b, 0.55), tone=1),
        fill(box(-n - 0.04, -0.97, n + 0.04, -0.78), tone=2),
    ]


def flask(v: Vary) -> list[Part]:
    """A chemist's cone with some liquid."""
    b = v(0.75)
    glass = mirrored([(0.2, -0.95), (0.2, -0.35), (b, 0.75), (b - 0.1, 0.92)])
    return [
        fill(glass),
        fill(mirrored([(0.27, -0.98), (0.27, -0.86)]), tone=2),
        fill(mirrored([(0.5, 0.3), (b - 0.02, 0.78), (b - 0.14, 0.87)]), tone=1),
    ]


def vase(v: Vary) -> list[Part]:
    """A round vase with a flared lip."""
    b = v(0.62)
    right = smooth([(0.36, -0.95), (0.2, -0.65), (0.32, -0.4), (b, 0.1), (0.5, 0.65), (0.3, 0.95)], closed=False)
    return [fill(mirrored(right)), fill(mirrored([(b - 0.07, 0.0), (b - 0.03, 0.2)]), tone=1)]


def jug(v: Vary) -> list[Part]:
    """A jug with a spout and a handle."""
    body = smooth(
        [
            (-0.55, -0.85),
            (0.25, -0.7),
            (0.28, -0.4),
            (0.5, 0.25),
            (0.35, 0.9),
            (-0.4, 0.9),
            (-0.58, 0.25),
            (-0.33, -0.4),
        ]
    )
    return [line(arc(0.35, -0.1, v(0.5), 0.48, -1.7, 1.5), 0.12), fill(body)]


def mug(v: Vary) -> list[Part]:
    """A straight cup with one handle."""
    h = v(0.65)
    return [
        line(arc(0.42, 0, v(0.45), 0.4, -np.pi / 2, np.pi / 2), 0.14),
        fill(box(-0.7, -h, 0.45, h)),
        fill(ellipse(-0.125, -h, 0.575, 0.13), tone=1),
    ]


def wine_glass(v: Vary) -> list[Part]:
    """A glass on a stem."""
    r = v(0.5)
    bowl = smooth([(r, -0.92), (r, -0.4), (0.3, -0.02), (0.06, 0.12), (0.05, 0.8), (0.45, 0.93)], closed=False)
    return [fill(mirrored(bowl)), fill(mirrored([(r - 0.05, -0.5), (0.3, -0.12), (0.08, 0.0)]), tone=1)]


def teapot(v: Vary) -> list[Part]:
    """A round pot with spout, handle and lid."""
    return [
        line(arc(-0.5, 0.1, 0.38, v(0.4), np.pi / 2, 3 * np.pi / 2), 0.12),
        fill([(0.35, 0.4), (0.72, 0.0), (0.82, -0.5), (0.98, -0.5), (0.85, 0.15), (0.4, 0.7)]),
        fill(ellipse(0, 0.2, v(0.6, 0.06), 0.55)),
        fill(ellipse(0, -0.3, 0.4, 0.13), tone=1),
        fill(ellipse(0, -0.5, 0.11), tone=1),
    ]


def bowl(v: Vary) -> list[Part]:
    """A half-round bowl on a foot."""
    return [
        fill(np.concatenate([arc(0, -0.25, 0.95, v(0.95), 0, np.pi), [(-0.95, -0.25)]])),
        fill(ellipse(0, -0.25, 0.95, 0.2), tone=1),
        fill(box(-0.35, 0.6, 0.35, 0.82)),
    ]


def basket(v: Vary) -> list[Part]:
    """A woven basket with a hoop."""
    body = mirrored([(0.85, -0.1), (0.6, 0.85)])
    weave = [[(-0.8 + 0.04 * k, 0.05 + 0.2 * k), (0.8 - 0.04 * k, 0.05 + 0.2 * k)] for k in range(4)]
    posts = [[(0.3 * k, -0.08), (0.23 * k, 0.84)] for k in (-2, -1, 0, 1, 2)]
    return [line(arc(0, -0.1, 0.75, v(0.8), np.pi, 2 * np.pi), 0.1), fill(body), lines(weave + posts, 0.05, tone=1)]


def handbag(v: Vary) -> list[Part]:
    """A bag with a strap and a clasp."""
    return [
        line(arc(0, -0.2, 0.42, v(0.65), np.pi, 2 * np.pi), 0.1, tone=1),
        fill([(-0.65, -0.2), (0.65, -0.2), (0.9, 0.8), (-0.9, 0.8)]),
        fill([(-0.65, -0.2), (0.65, -0.2), (0.35, 0.25), (-0.35, 0.25)], tone=1),
        fill(ellipse(0, 0.25, 0.1), tone=2),
    ]


def bucket(v: Vary) -> list[Part]:
    """A pail with a hanging handle."""
    return [
        line(arc(0, -0.35, 0.75, v(0.55), np.pi, 2 * np.pi), 0.06, tone=1),
        fill(mirrored([(0.78, -0.4), (0.52, 0.9)])),
        fill(ellipse(0, -0.4, 0.78, 0.17), tone=1),
        fill(ellipse(0, -0.4, 0.66, 0.11), tone=2),
    ]


KINDS: dict[str, Design] = {
    "bottle_long_neck": partial(bottle, neck=0.12, shoulder=0.0, body=0.32),
    "bottle_squat": partial(bottle, neck=0.26, shoulder=-0.4, body=0.6),
    "flask": flask,
    "vase": vase,
    "jug": jug,
    "mug": mug,
    "wine_glass": wine_glass,
    "teapot": teapot,
    "bowl": bowl,
    "basket": basket,
    "handbag": handbag,
    "bucket": bucket,
}
