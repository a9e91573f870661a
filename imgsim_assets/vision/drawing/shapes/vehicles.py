"""Vehicles on land, on water and in the air."""

from imgsim_assets.vision.drawing.outline import (
    Design,
    Part,
    Vary,
    box,
    ellipse,
    fill,
    line,
    lines,
    mirrored,
    smooth,
)


def wheels(*places: tuple[float, float, float]) -> list[Part]:
    """Round wheels at (x, y, radius)."""
    return [
        fill(*(ellipse(x, y, r) for x, y, r in places), tone=2),
        fill(*(ellipse(x, y, r * 0.45) for x, y, r in places), tone=1),
    ]


def car(v: Vary) -> list[Part]:
    """A saloon from the side."""
    h = v(0.45)
    body = smooth(
        [
            (-0.95, 0.35),
            (-0.92, 0.05),
            (-0.55, -0.02),
            (-0.32, -h),
            (0.3, -h),
            (0.58, -0.02),
            (0.93, 0.08),
            (0.95, 0.35),
        ],
        steps=4,
    )
    window = [(-0.42, -0.03), (-0.25, -h + 0.1), (0.24, -h + 0.1), (0.44, -0.03)]
    return [
        fill(body),
        fill(window, tone=1),
        line([(0, -h + 0.05), (0, 0.0)], 0.05),
        *wheels((-0.52, 0.36, 0.2), (0.52, 0.36, 0.2)),
    ]


def truck(v: Vary) -> list[Part]:
    """A cab with a tall load."""
    return [
        fill(box(-0.97, -v(0.6), 0.35, 0.4)),
        fill([(0.42, -0.25), (0.75, -0.25), (0.97, 0.08), (0.97, 0.4), (0.42, 0.4)], tone=1),
        fill([(0.52, -0.15), (0.7, -0.15), (0.85, 0.08), (0.52, 0.08)], tone=2),
        *wheels((-0.6, 0.45, 0.19), (-0.15, 0.45, 0.19), (0.68, 0.45, 0.19)),
    ]


def bicycle(v: Vary) -> list[Part]:
    """Two thin wheels and a frame."""
    r = v(0.38, 0.05)
    rims = [fill(ellipse(x, 0.35, r), ellipse(x, 0.35, r - 0.07), tone=1) for x in (-0.58, 0.58)]
    frame = [
        [(-0.58, 0.35), (-0.25, -0.25), (0.4, -0.25), (0.0, 0.35), (-0.58, 0.35)],
        [(-0.32, -0.42), (0.0, 0.35)],
        [(0.58, 0.35), (0.35, -0.5), (0.6, -0.55)],
        [(-0.45, -0.43), (-0.18, -0.43)],
    ]
    return [*rims, lines(frame, 0.07)]


def sailing_boat(v: Vary) -> list[Part]:
    """A hull with a mast and two sails."""
    return [
        line([(0, -0.95), (0, 0.5)], 0.06, tone=2),
        fill([(0.07, -v(0.9, 0.07)), (0.75, 0.4), (0.07, 0.4)], tone=1),
        fill([(-0.07, -0.7), (-0.6, 0.4), (-0.07, 0.4)], tone=1),
        fill([(-0.9, 0.5), (0.95, 0.5), (0.6, 0.92), (-0.6, 0.92)]),
    ]


def steamer(v: Vary) -> list[Part]:
    """A long hull with decks and two funnels."""
    return [
        fill(box(-0.3, -0.75, -0.08, -0.1), box(0.15, -0.75, 0.37, -0.1), tone=2),
        fill(box(-0.6, -0.2, 0.6, 0.2), tone=1),
        fill(*(ellipse(-0.45 + 0.18 * k, 0.0, 0.06) for k in range(6)), tone=2),
        fill([(-0.97, 0.15), (0.97, 0.15), (0.72, v(0.7)), (-0.78, 0.7)]),
    ]


def rocket(v: Vary) -> list[Part]:
    """A pointed body with fins and a flame."""
    w = v(0.3)
    body = smooth([(0, -0.97), (w, -0.35), (w, 0.45), (-w, 0.45), (-w, -0.35)], steps=5)
    return [
        fill([(-0.15, 0.45), (0.15, 0.45), (0, 0.97)], tone=2),
        fill([(-w, 0.0), (-0.65, 0.6), (-w, 0.5)], tone=1),
        fill([(w, 0.0), (0.65, 0.6), (w, 0.5)], tone=1),
        fill(body),
        fill(ellipse(0, -0.3, 0.13), tone=1),
    ]


def aeroplane(v: Vary) -> list[Part]:
    """An airliner from above."""
    wing = [(0.1, -0.2), (0.97, v(0.25)), (0.97, 0.38), (0.1, 0.2)]
    tail = [(0.06, 0.6), (0.4, 0.82), (0.4, 0.92), (0.0, 0.85)]
    return [fill(mirrored(wing), tone=1), fill(mirrored(tail), tone=1), fill(ellipse(0, 0, 0.14, 0.95))]


def balloon(v: Vary) -> list[Part]:
    """A striped envelope with a basket."""
    r = v(0.62, 0.06)
    stripes = [fill(ellipse(0, -0.32, r * 0.55), ellipse(0, -0.32, r * 0.2, r), tone=1)]
    return [
        lines([[(-0.45, 0.1), (-0.15, 0.7)], [(0.45, 0.1), (0.15, 0.7)]], 0.04, tone=2),
        fill(smooth([(0, -0.97), (r, -0.4), (0.3, 0.32), (-0.3, 0.32), (-r, -0.4)])),
        *stripes,
        fill(box(-0.18, 0.68, 0.18, 0.95), tone=2),
    ]


def train(v: Vary) -> list[Part]:
    """A steam engine from the side."""
    return [
        fill(box(-0.65, -0.75, -0.45, -0.2), tone=1),
        fill(box(-0.85, -0.25, 0.4, 0.25)),
        fill(box(0.3, -v(0.75), 0.9, 0.35)),
        fill(box(0.45, -0.5, 0.75, -0.15), tone=1),
        fill(ellipse(-0.1, -0.28, 0.14), tone=1),
        fill([(-0.85, 0.3), (-0.98, 0.75), (-0.7, 0.5)], tone=1),
        *wheels((-0.55, 0.5, 0.22), (-0.05, 0.5, 0.22), (0.6, 0.42, 0.32)),
    ]


KINDS: dict[str, Design] = {
    "car": car,
    "truck": truck,
    "bicycle": bicycle,
    "sailing_boat": sailing_boat,
    "steamer": steamer,
    "rocket": rocket,
    "aeroplane": aeroplane,
    "balloon": balloon,
    "steam_engine": train,
}
