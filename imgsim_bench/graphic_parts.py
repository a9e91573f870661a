"""What graphics are drawn from: colours, pages, words, photographed scenes."""

import cv2
import numpy as np

from imgsim_assets.vision.drawing.canvas import Picture
from imgsim_assets.vision.drawing.chrome import words
from imgsim_assets.vision.drawing.pose import Difficulty
from imgsim_assets.vision.drawing.sample import KINDS
from imgsim_assets.vision.drawing.scene import draw_scene

Colour = tuple[int, ...]

VIVID: tuple[Colour, ...] = (
    (206, 17, 38), (0, 56, 168), (252, 209, 22), (0, 122, 61), (255, 136, 0), (116, 172, 223), (110, 40, 120),
)  # fmt: skip
ANY: tuple[Colour, ...] = (*VIVID, (0, 0, 0), (255, 255, 255))
QUIET: tuple[Colour, ...] = ((255, 255, 255), (245, 245, 245), (225, 228, 232), (60, 63, 65), (30, 30, 30))
NO_CHROME = Difficulty(chrome=0.0)


def pick(generator: np.random.Generator, count: int, among: tuple[Colour, ...] = ANY) -> list[Colour]:
    """Draw different colours."""
    return [among[place] for place in generator.permutation(len(among))[:count]]


def pick_one(generator: np.random.Generator, among: tuple[Colour, ...] = ANY) -> Colour:
    """Draw a colour."""
    return pick(generator, 1, among)[0]


def ink_on(ground: Colour | Picture) -> Colour:
    """Give the colour of letters that are read on a ground."""
    return (20, 20, 20) if sum(int(level) for level in ground) > 384 else (250, 250, 250)


def blank(generator: np.random.Generator, ground: Colour, least: int) -> Picture:
    """Make a plain page, whose sides are `least` pixels long at least."""
    height, width = generator.integers(least, 420, 2)
    return np.full((height, width, 3), ground, np.uint8)


def around(picture: Picture, rims: tuple[int, int, int, int], colour: Colour) -> Picture:
    """Lay rims of one colour around a picture: above, below, left and right, in pixels."""
    return np.asarray(cv2.copyMakeBorder(picture, *rims, cv2.BORDER_CONSTANT, value=colour), dtype=np.uint8)


def write(
    picture: Picture,
    generator: np.random.Generator,
    place: tuple[int, int],
    letters: int,
    ink: Colour,
    *,
    size: int = 1,
) -> Picture:
    """Write random letters into a picture, their upper left corner at `place` (row, column); the rest is cut off."""
    stamp = words(generator, letters, size)
    part = picture[place[0] :, place[1] :][: len(stamp), : stamp.shape[1]]
    part[stamp[: part.shape[0], : part.shape[1]] > 0] = ink
    return picture


def write_lines(picture: Picture, generator: np.random.Generator, ink: Colour, size: int = 1) -> None:
    """Fill a picture with lines of random letters."""
    for row in range(4, len(picture) - 8 * size, 11 * size):
        letters = int(generator.uniform(0.3, 1) * picture.shape[1] / (6 * size))
        write(picture, generator, (row, 4), max(1, letters - 1), ink, size=size)


def photographed(generator: np.random.Generator) -> Picture:
    """Draw a scene of the sample, without chrome."""
    recipe = list(KINDS.values())[int(generator.integers(len(KINDS)))]
    height, width = (int(side) for side in generator.integers(200, 300, 2))
    return draw_scene(recipe, generator, (height, width), NO_CHROME)
