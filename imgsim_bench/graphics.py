"""Pictures whose plain edges are what they show: flags, logos, icons, windows, covers, charts, pages, skies.

What a site puts around photos looks much like them, and of these nothing may be cut off.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from imgsim_assets.vision.drawing.canvas import Picture
from imgsim_bench.graphic_parts import (
    ANY,
    QUIET,
    VIVID,
    around,
    blank,
    ink_on,
    photographed,
    pick,
    pick_one,
    write,
    write_lines,
)

Graphic = Callable[[np.random.Generator], Picture]


def flag_of_stripes(generator: np.random.Generator) -> Picture:
    """Three or five stripes, across or upright; the outer ones are often equal."""
    count = 3 if generator.random() < 0.7 else 5
    colours = pick(generator, count)
    if generator.random() < 0.6:
        colours[-1] = colours[0]
    shares = np.array([1, *[1 + generator.integers(2)] * (count - 2), 1])
    length, across = generator.integers(120, 400, 2)
    ends = np.rint(np.cumsum(shares) / shares.sum() * length).astype(int)
    stripes = np.repeat(np.array(colours, np.uint8), np.diff(ends, prepend=0), axis=0)[:, None].repeat(across, axis=1)
    return np.ascontiguousarray(stripes if generator.random() < 0.5 else stripes.transpose(1, 0, 2))


def flag_with_a_device(generator: np.random.Generator) -> Picture:
    """Stripes with a cross or a canton on them, and discs."""
    flag = flag_of_stripes(generator)
    height, width = flag.shape[:2]
    kind = generator.integers(3)
    if kind == 0:
        bar = min(height, width) // 8
        middle = width // int(generator.integers(2, 4))
        flag[:, middle - bar : middle + bar] = flag[height // 2 - bar : height // 2 + bar] = pick_one(generator)
    elif kind == 1:
        flag[: height // 2, : width // 2] = pick_one(generator)
    for _ in range(int(generator.integers(1, 6))):
        place = int(width * generator.uniform(0.4, 0.6)), int(height * generator.uniform(0.4, 0.6))
        cv2.circle(flag, place, min(height, width) // int(generator.integers(6, 14)), pick_one(generator), -1)
    return flag


def logo(generator: np.random.Generator) -> Picture:
    """A sign and a word on plain ground, which may have bars."""
    ground, bar, other, sign = pick(generator, 4)
    page = blank(generator, ground, 120)
    height, width = page.shape[:2]
    if generator.random() < 0.4:
        band = int(height * generator.uniform(0.08, 0.28))
        page[:band], page[-band:] = bar, bar if generator.random() < 0.5 else other
    side = min(height, width) // 4
    cv2.rectangle(page, (width // 2 - side, height // 2 - side), (width // 2 + side, height // 2), sign, -1)
    cv2.circle(page, (width // 2, height // 2), side // 2, ground, -1)
    return write(page, generator, (height // 2 + 4, width // 2 - side), 6, ink_on(ground))


def icon(generator: np.random.Generator) -> Picture:
    """A tile that grows lighter downwards, with a sign on it and a margin around it."""
    margin, tile, sign = pick(generator, 3)
    side = int(generator.integers(64, 300))
    picture = np.full((side, side, 3), margin, np.uint8)
    rim = int(side * generator.uniform(0.04, 0.2))
    light = np.linspace(0, 60 * generator.random(), side - 2 * rim)[:, None, None]
    picture[rim:-rim, rim:-rim] = np.clip(np.array(tile) * 0.8 + light, 0, 255)
    cv2.circle(picture, (side // 2, side // 2), side // 5, sign, -1)
    cv2.line(picture, (side // 3, side // 3), (side * 2 // 3, side * 2 // 3), margin, max(1, side // 16))
    return picture


def window(generator: np.random.Generator) -> Picture:
    """A program's window: title bar, buttons, side panel, lines of text, status bar."""
    screen = blank(generator, pick_one(generator, QUIET), 180)
    height, width = screen.shape[:2]
    top, bar = int(height * generator.uniform(0.06, 0.16)), pick_one(generator, (*ANY, *QUIET))
    write_lines(screen[top:, width // 4 :], generator, ink_on(screen[0, 0]))
    if generator.random() < 0.6:
        screen[top:, : width // 4] = pick_one(generator, QUIET)
    screen[:top] = bar
    write(screen, generator, (max(0, top // 2 - 4), 6), 10, ink_on(bar))
    for place in range(int(generator.integers(4))):
        cv2.circle(screen, (width - 10 - 14 * place, top // 2), 4, pick_one(generator), -1)
    if generator.random() < 0.6:
        screen[-max(10, top // 2) :] = bar if generator.random() < 0.5 else pick_one(generator, QUIET)
        write(screen, generator, (height - 9, 4), 12, (128, 128, 128))
    return screen


def photo_in_a_window(generator: np.random.Generator) -> Picture:
    """A program that shows a photo, under a vivid title bar or a thin quiet one."""
    photo, vivid = photographed(generator), generator.random() < 0.5
    bar = pick_one(generator, VIVID if vivid else QUIET)
    top = max(9, round(len(photo) * (generator.uniform(0.05, 0.12) if vivid else 0.04)))
    screen = around(photo, (top, 0, 0, 0), bar)
    return write(screen, generator, ((top - 7) // 2, 6), 12, ink_on(bar))


def cover(generator: np.random.Generator) -> Picture:
    """A book's cover or a poster: words on vivid bands above and below a picture."""
    photo = photographed(generator)
    first, second = pick(generator, 2, VIVID)
    above, below = (round(len(photo) * generator.uniform(0.12, 0.25)) for _ in range(2))
    page = around(photo, (above, 0, 0, 0), first)
    page = around(page, (0, below, 0, 0), first if generator.random() < 0.5 else second)
    write(page, generator, (above // 3, 10), 12, ink_on(first), size=2)
    return write(page, generator, (len(page) - below // 2, 10), 16, ink_on(second))


def chart(generator: np.random.Generator) -> Picture:
    """Columns on white, with axes and a heading."""
    page = blank(generator, (255, 255, 255), 180)
    height, width = page.shape[:2]
    columns, colours = int(generator.integers(3, 9)), pick(generator, 3, VIVID)
    left, base, room = width // 8, height - height // 8, width - width // 8
    for place in range(columns):
        x = left + place * room // columns
        page[int(generator.uniform(0.2, 0.9) * base) : base, x + 2 : x + room // columns - 2] = colours[place % 3]
    page[base : base + 2, left:] = page[height // 10 : base, left : left + 2] = 0
    if generator.random() < 0.5:
        page[: height // 10] = colours[0]
    return write(page, generator, (2, left), 14, (40, 40, 40))


def slide(generator: np.random.Generator) -> Picture:
    """Lines of text under a heading on a band, and sometimes over another."""
    ground, band = pick(generator, 2)
    page = blank(generator, ground, 200)
    height = int(len(page) * generator.uniform(0.12, 0.25))
    page[:height] = band
    write(page, generator, (height // 3, 10), 14, ink_on(band), size=2)
    write_lines(page[height:-height, 20:], generator, ink_on(ground), 2)
    if generator.random() < 0.5:
        page[-height // 2 :] = band
    return page


def page_of_text(generator: np.random.Generator) -> Picture:
    """Dark lines on paper, with margins."""
    page = blank(generator, (252, 252, 250), 200)
    rim = int(page.shape[1] * generator.uniform(0.05, 0.15))
    write_lines(page[rim:-rim, rim:-rim], generator, (25, 25, 25))
    return page


def sheet_music(generator: np.random.Generator) -> Picture:
    """Staves and the heads of notes."""
    page = blank(generator, (255, 255, 255), 200)
    rim = int(page.shape[1] * generator.uniform(0.05, 0.15))
    for top in range(rim, len(page) - rim - 40, 60):
        page[top : top + 29 : 7, rim:-rim] = 20
        for x in range(rim + 10, page.shape[1] - rim - 10, 18):
            cv2.circle(page, (x, top + int(generator.integers(28))), 4, (10, 10, 10), -1)
    return page


def square_code(generator: np.random.Generator) -> Picture:
    """A QR code in its quiet zone."""
    code = cv2.QRCodeEncoder.create().encode(str(generator.integers(10**12)))
    quiet = cv2.copyMakeBorder(code, *(4,) * 4, cv2.BORDER_CONSTANT, value=(255,))
    size = int(generator.integers(4, 10))
    return np.asarray(quiet, np.uint8).repeat(size, axis=0).repeat(size, axis=1)[..., None].repeat(3, axis=2)


def board(generator: np.random.Generator) -> Picture:
    """A chessboard in its frame."""
    light, dark, frame = pick(generator, 3)
    side = int(generator.integers(12, 40))
    squares = np.where((np.indices((8, 8)).sum(axis=0) % 2)[..., None], light, dark).astype(np.uint8)
    rim = side // 2
    return around(squares.repeat(side, axis=0).repeat(side, axis=1), (rim, rim, rim, rim), frame)


def framed_map(generator: np.random.Generator) -> Picture:
    """Lands in a sea, in a frame."""
    sea, land, frame = pick(generator, 3)
    page = blank(generator, sea, 200)
    shorter = min(page.shape[:2])
    for _ in range(4):
        angles = np.sort(generator.uniform(0, 2 * np.pi, 24))
        coast = np.stack([np.cos(angles), np.sin(angles)], axis=1) * generator.uniform(0.1, 0.3, (24, 1)) * shorter
        middle = generator.uniform(0.3, 0.7, 2) * page.shape[1::-1]
        cv2.fillPoly(page, [(coast + middle).astype(np.int32)], land)
    rim = int(shorter * generator.uniform(0.03, 0.08))
    return around(page, (rim, rim, rim, rim), frame)


def product(generator: np.random.Generator) -> Picture:
    """A shaded thing on white or nearly white ground."""
    page = blank(generator, (255 if generator.random() < 0.7 else int(generator.integers(200, 250)),) * 3, 160)
    height, width = page.shape[:2]
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    away = (((x - 0.5) / generator.uniform(0.2, 0.4)) ** 2 + ((y - 0.5) / 0.35) ** 2)[..., None]
    thing = np.array(pick_one(generator, VIVID)) * np.clip(1.1 - 0.6 * away + 0.3 * x[..., None], 0.1, 1)
    return np.asarray(np.where(away < 1, thing, page), dtype=np.uint8)


def sky_over_the_sea(generator: np.random.Generator) -> Picture:
    """A sky above a straight horizon as cameras see it: it fades, and has some noise."""
    height, width = (int(side) for side in generator.integers(180, 400, 2))
    horizon = int(height * generator.uniform(0.12, 0.45))
    light = np.array(pick_one(generator, ((225, 230, 235), (150, 190, 230), (240, 240, 240), (60, 60, 75))))
    sky = light - np.linspace(0, generator.uniform(4, 25), horizon)[:, None, None] + np.zeros((1, width, 1))
    waves = cv2.GaussianBlur(generator.normal(0, 120, (height - horizon, width)), (0, 0), 3, sigmaY=1)[..., None]
    picture = np.concatenate([sky, np.array((40, 80, 110)) * generator.uniform(0.6, 1.4) + waves])
    noise = generator.normal(0, generator.uniform(0.5, 3), picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), dtype=np.uint8)


def sign_on_a_fading_ground(generator: np.random.Generator) -> Picture:
    """A sign on a ground that fades evenly from one colour to another, as behind products and on slides."""
    ends = np.array([pick_one(generator, (*ANY, *QUIET)) for _ in range(2)], np.float64)
    height, width = (int(side) for side in generator.integers(120, 400, 2))
    page = (ends[0] + (ends[1] - ends[0]) * np.linspace(0, 1, height)[:, None]).astype(np.uint8)
    picture = np.ascontiguousarray(page[:, None].repeat(width, axis=1))
    cv2.circle(picture, (width // 2, height // 2), min(height, width) // 4, pick_one(generator), -1)
    return picture if generator.random() < 0.5 else np.ascontiguousarray(picture.transpose(1, 0, 2))


GRAPHICS: Mapping[str, Graphic] = MappingProxyType(
    {
        draw.__name__.replace("_", " "): draw
        for draw in (
            flag_of_stripes, flag_with_a_device, logo, icon, window, photo_in_a_window, cover, chart, slide,
            page_of_text, sheet_music, square_code, board, framed_map, product, sky_over_the_sea,
            sign_on_a_fading_ground,
        )
    }
)  # fmt: skip
