"""What is behind the thing and in front of it: ground, clutter, something that hides a part."""

import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.drawing.canvas import Picture, mask_of, paste, shaded
from imgsim_assets.vision.drawing.outline import Points, box, polar, smooth
from imgsim_assets.vision.drawing.pose import Pose, between
from imgsim_assets.vision.drawing.textures import texture


def draw_palette(generator: np.random.Generator, count: int) -> npt.NDArray[np.uint8]:
    """Draw colours that can be told apart: uint8 [count, 3]."""
    colours: list[npt.NDArray[np.uint8]] = []
    while len(colours) < count:
        options = generator.integers(0, 256, (6, 3), dtype=np.uint8)
        if not colours:
            colours.append(options[0])
            continue
        away = np.abs(options[:, None].astype(np.int64) - np.stack(colours).astype(np.int64)).sum(axis=2).min(axis=1)
        colours.append(options[int(away.argmax())])
    return np.stack(colours)


def background(
    generator: np.random.Generator, shape: tuple[int, int], colours: npt.NDArray[np.uint8], ground: float
) -> Picture:
    """Draw one surface, or two that meet at a horizon."""
    strength = between(generator, 0.05, ground)
    picture = np.empty((*shape, 3), dtype=np.uint8)
    picture[:] = colours[0]
    picture = shaded(picture, texture(shape, generator, strength))
    if generator.random() < 0.4:
        height, width = shape
        left, right = (between(generator, 0.3, 0.9) * height for _ in range(2))
        below = mask_of([np.array([(0, left), (width, right), (width, height), (0, height)])], shape)
        other = np.empty_like(picture)
        other[:] = colours[1]
        picture = paste(picture, below, shaded(other, texture(shape, generator, strength)))
    return picture


def blob(generator: np.random.Generator, x: float, y: float, radius: float) -> Points:
    """Draw a shapeless or cornered thing of no kind."""
    corners = int(generator.integers(3, 9))
    outline = polar(radius * (0.45 + 0.55 * generator.random(corners)), x, y, turn=between(generator, 0, 6.3))
    return smooth(outline) if generator.random() < 0.6 else outline


def clutter(picture: Picture, generator: np.random.Generator, most: int) -> Picture:
    """Strew things of no kind over the background."""
    height, width = picture.shape[:2]
    for _ in range(int(generator.integers(0, most + 1))):
        x, y = generator.random() * width, generator.random() * height
        radius = between(generator, 0.06, 0.28) * min(height, width)
        if generator.random() < 0.3:
            end = (x + between(generator, -1, 1) * width, y + between(generator, -1, 1) * height)
            mask = mask_of([np.array([(x, y), end])], (height, width), between(generator, 1.5, 7))
        else:
            mask = mask_of([blob(generator, x, y, radius)], (height, width))
        colour = generator.integers(0, 256, 3, dtype=np.uint8)
        picture = paste(
            picture, mask, shaded(np.broadcast_to(colour, picture.shape), texture(mask.shape, generator, 0.3))
        )
    return picture


def occlude(picture: Picture, pose: Pose, generator: np.random.Generator) -> Picture:
    """Put something in front of the thing's edge: at most about a quarter of it is hidden."""
    angle = generator.random() * 2 * np.pi
    away = between(generator, 0.65, 1.0) * pose.scale
    x, y = pose.centre + away * np.array([np.cos(angle), np.sin(angle)])
    radius = between(generator, 0.2, 0.42) * pose.scale
    bar = box(x - radius * 0.3, y - 3 * radius, x + radius * 0.3, y + 3 * radius)
    outline = bar if generator.random() < 0.25 else blob(generator, float(x), float(y), radius)
    mask = mask_of([outline], picture.shape[:2])
    colour = np.broadcast_to(generator.integers(0, 256, 3, dtype=np.uint8), picture.shape)
    return paste(picture, mask, shaded(colour, texture(mask.shape, generator, 0.4)))
