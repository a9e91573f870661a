"""Animals, whole or by their heads."""

import numpy as np

from imgsim_assets.vision.drawing.outline import Design, Part, Vary, arc, ellipse, fill, line, lines, smooth, starred


def fish(v: Vary) -> list[Part]:
    """A round fish with a forked tail."""
    h = v(0.45)
    tail = [(0.45, 0.0), (0.97, -0.45), (0.85, 0.0), (0.97, 0.45)]
    return [
        fill(tail, tone=1),
        fill(ellipse(-0.2, 0, 0.72, h)),
        fill([(-0.3, -h), (0.2, -h - 0.25), (0.15, -h + 0.1)], tone=1),
        fill(ellipse(-0.62, -0.1, 0.08), tone=2),
    ]


def shark(v: Vary) -> list[Part]:
    """A long fish with a high fin."""
    body = smooth([(-0.97, 0.05), (-0.4, -0.25), (0.3, -0.15), (0.75, 0.0), (0.3, 0.2), (-0.4, 0.25)])
    return [
        fill(body),
        fill([(-0.2, -0.2), (0.1, -v(0.75)), (0.15, -0.15)]),
        fill([(0.65, 0.0), (0.97, -0.5), (0.85, 0.0), (0.95, 0.35)]),
        fill([(-0.3, 0.2), (-0.05, 0.6), (0.02, 0.2)]),
        fill(ellipse(-0.7, -0.03, 0.05), tone=2),
    ]


def octopus(v: Vary) -> list[Part]:
    """A head above six waving arms."""
    arms = [
        smooth([(x * 0.5, 0.0), (x * 0.9, 0.4), (x * 0.7, 0.65), (x * 1.05, 0.95)], closed=False)
        for x in (-0.9, -0.55, -0.2, 0.2, 0.55, 0.9)
    ]
    return [
        lines(arms, v(0.13)),
        fill(ellipse(0, -0.35, v(0.52), 0.6)),
        fill(ellipse(-0.18, -0.2, 0.1), ellipse(0.18, -0.2, 0.1), tone=1),
    ]


def bird(v: Vary) -> list[Part]:
    """A bird that stands: body, head, beak, wing, legs."""
    return [
        lines([[(-0.1, 0.4), (-0.1, 0.95)], [(0.15, 0.4), (0.15, 0.95)]], 0.05, tone=2),
        fill([(0.3, 0.0), (0.97, -0.15), (0.9, 0.15), (0.4, 0.35)], tone=1),
        fill(ellipse(0.05, 0.1, v(0.55), 0.4, turn=-0.2)),
        fill(ellipse(-0.45, -0.4, v(0.28))),
        fill([(-0.68, -0.48), (-0.98, -0.35), (-0.68, -0.28)], tone=2),
        fill(ellipse(0.15, 0.1, 0.35, 0.18, turn=0.3), tone=1),
        fill(ellipse(-0.52, -0.45, 0.05), tone=2),
    ]


def flying_bird(v: Vary) -> list[Part]:
    """Two spread wings seen from afar."""
    h = v(0.35)
    upper = smooth([(-0.97, -h), (-0.5, -h - 0.2), (0, 0.1), (0.5, -h - 0.2), (0.97, -h)], closed=False)
    lower = smooth([(0.97, -h), (0.5, -0.12), (0, 0.42), (-0.5, -0.12), (-0.97, -h)], closed=False)
    return [fill(np.concatenate([upper, lower]))]


def butterfly(v: Vary) -> list[Part]:
    """Four wings, a thin body, two feelers."""
    w = v(0.42, 0.08)
    wings = [fill(ellipse(s * 0.48, -0.3, w, 0.48, turn=s * 0.5)) for s in (-1, 1)]
    low = [fill(ellipse(s * 0.38, 0.42, 0.32, 0.38, turn=-s * 0.4), tone=1) for s in (-1, 1)]
    spots = [fill(ellipse(s * 0.55, -0.35, 0.15), tone=2) for s in (-1, 1)]
    return [
        *low,
        *wings,
        *spots,
        fill(ellipse(0, 0.05, 0.08, 0.62), tone=2),
        lines([[(0, -0.5), (-0.2, -0.95)], [(0, -0.5), (0.2, -0.95)]], 0.04, tone=2),
    ]


def snail(v: Vary) -> list[Part]:
    """A wound shell on a long foot."""
    t = np.linspace(0.05, 1, 60)
    angle = 2 * np.pi * 2.2 * t
    coil = np.stack([0.15 + 0.45 * t * np.cos(angle), -0.05 + 0.45 * t * np.sin(angle)], axis=1)
    foot = smooth([(-0.95, 0.15), (-0.75, 0.1), (-0.5, 0.45), (0.6, 0.5), (0.97, 0.75), (0.0, 0.8), (-0.7, 0.75)])
    return [
        fill(foot, tone=1),
        lines([[(-0.8, 0.2), (-0.95, -0.25)], [(-0.72, 0.2), (-0.7, -0.25)]], 0.05, tone=1),
        fill(ellipse(0.15, -0.05, v(0.55, 0.06))),
        line(coil, 0.07, tone=2),
    ]


def spider(v: Vary) -> list[Part]:
    """Eight bent legs around two balls."""
    legs = [[(0, 0), (s * 0.5, y - 0.3), (s * 0.95, y + 0.25)] for s in (-1, 1) for y in (-0.55, -0.15, 0.25, 0.6)]
    return [lines(legs, 0.05, tone=1), fill(ellipse(0, 0.25, v(0.34), 0.4)), fill(ellipse(0, -0.25, v(0.22)))]


def snake(v: Vary) -> list[Part]:
    """A winding body with a small head."""
    t = np.linspace(0, 1, 60)
    body = np.stack([-0.85 + 1.6 * t, v(0.42) * np.sin(3 * np.pi * t)], axis=1)
    return [line(body, v(0.2)), fill(ellipse(0.82, 0.0, 0.2, 0.14)), fill(ellipse(0.85, -0.05, 0.04), tone=1)]


def cat(v: Vary) -> list[Part]:
    """A round head with pointed ears and whiskers."""
    ears = [fill([(s * 0.72, -0.2), (s * 0.65, -v(0.95, 0.05)), (s * 0.15, -0.55)]) for s in (-1, 1)]
    whiskers = [[(s * 0.2, 0.3), (s * 0.97, y)] for s in (-1, 1) for y in (0.15, 0.35, 0.55)]
    eyes = [fill(ellipse(s * 0.3, -0.05, 0.12, 0.16), tone=1) for s in (-1, 1)]
    return [
        *ears,
        fill(ellipse(0, 0.1, 0.75, 0.7)),
        *eyes,
        fill([(-0.1, 0.22), (0.1, 0.22), (0, 0.36)], tone=2),
        lines(whiskers, 0.035, tone=2),
    ]


def rabbit(v: Vary) -> list[Part]:
    """A head with two long ears."""
    ears = [fill(ellipse(s * 0.27, -0.55, v(0.16), 0.43, turn=s * 0.15)) for s in (-1, 1)]
    inner = [fill(ellipse(s * 0.27, -0.55, 0.07, 0.3, turn=s * 0.15), tone=1) for s in (-1, 1)]
    eyes = [fill(ellipse(s * 0.22, 0.3, 0.08), tone=2) for s in (-1, 1)]
    return [
        *ears,
        *inner,
        fill(ellipse(0, 0.42, 0.55, v(0.5, 0.08))),
        *eyes,
        fill(ellipse(0, 0.52, 0.09, 0.06), tone=1),
    ]


def turtle(v: Vary) -> list[Part]:
    """A shell from above with head and four feet."""
    feet = [
        fill(ellipse(x, y, 0.24, 0.14, turn=t), tone=1)
        for x, y, t in ((-0.55, -0.45, 0.8), (0.55, -0.45, -0.8), (-0.5, 0.5, -0.8), (0.5, 0.5, 0.8))
    ]
    plates = [ellipse(0.33 * np.cos(a), 0.05 + 0.36 * np.sin(a), 0.13, points=6) for a in np.arange(6) * np.pi / 3]
    return [
        *feet,
        fill(ellipse(0, -0.78, 0.19, 0.2), tone=1),
        fill(ellipse(0, 0.05, v(0.6, 0.08), 0.66)),
        fill(*plates, ellipse(0, 0.05, 0.14, points=6), tone=2),
    ]


def starfish(v: Vary) -> list[Part]:
    """Five rounded, dotted arms."""
    arm = smooth(starred(5, 0.95, v(0.34)), steps=5)
    dots = [ellipse(r * np.sin(a), -r * np.cos(a), 0.05) for a in np.arange(5) * 2 * np.pi / 5 for r in (0.2, 0.4, 0.6)]
    return [fill(arm), fill(*dots, tone=1)]


def elephant(v: Vary) -> list[Part]:
    """A head seen from the front: two wide ears and a trunk."""
    ears = [fill(ellipse(s * 0.62, -0.25, v(0.36), 0.5)) for s in (-1, 1)]
    trunk = line(smooth([(0, 0.0), (0.0, 0.45), (0.06, 0.75), (0.3, 0.88)], closed=False), 0.22, tone=1)
    eyes = [fill(ellipse(s * 0.2, -0.25, 0.06), tone=2) for s in (-1, 1)]
    return [
        *ears,
        fill(ellipse(0, -0.2, 0.42, 0.5), tone=1),
        trunk,
        *eyes,
        lines([arc(s * 0.25, 0.15, 0.12, 0.3, np.pi / 2 - s * 1.5, np.pi / 2) for s in (-1, 1)], 0.06, tone=2),
    ]


KINDS: dict[str, Design] = {
    "fish": fish,
    "shark": shark,
    "octopus": octopus,
    "bird_standing": bird,
    "bird_flying": flying_bird,
    "butterfly": butterfly,
    "snail": snail,
    "spider": spider,
    "snake": snake,
    "cat_head": cat,
    "rabbit_head": rabbit,
    "turtle": turtle,
    "starfish": starfish,
    "elephant_head": elephant,
}
