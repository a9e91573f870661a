"""One photo: a thing in a pose, with light, surroundings, exposure and site chrome."""

import numpy as np

from imgsim_assets.vision.drawing.canvas import Picture, blurred
from imgsim_assets.vision.drawing.chrome import add_chrome
from imgsim_assets.vision.drawing.outline import Design, Vary
from imgsim_assets.vision.drawing.pose import Difficulty, between, draw_pose
from imgsim_assets.vision.drawing.surroundings import background, clutter, draw_palette, occlude
from imgsim_assets.vision.drawing.thing import draw_look, paint_thing


def expose(picture: Picture, generator: np.random.Generator) -> Picture:
    """Light the scene unevenly, change its contrast, blur it a little and add sensor noise."""
    height, width = picture.shape[:2]
    slope = (generator.random(2) - 0.5) * 0.7
    y, x = np.mgrid[:height, :width]
    gain = between(generator, 0.7, 1.15) + slope[0] * (x / width - 0.5) + slope[1] * (y / height - 0.5)
    lift = between(generator, -12, 25)
    lit = np.clip(np.rint(picture * gain[..., None] + lift), 0, 255).astype(np.uint8)
    if generator.random() < 0.35:
        lit = blurred(lit, 1)
    amount = int(generator.integers(1, 12))
    noise = generator.integers(-amount, amount + 1, lit.shape, dtype=np.int16)
    return np.asarray(np.clip(lit + noise, 0, 255), dtype=np.uint8)


def draw_shape(generator: np.random.Generator, longest: int) -> tuple[int, int]:
    """Draw height and width; the longer one is `longest`."""
    shorter = round(longest * between(generator, 0.7, 1.0))
    return (longest, shorter) if generator.random() < 0.5 else (shorter, longest)


def draw_photo(design: Design, generator: np.random.Generator, longest: int, difficulty: Difficulty) -> Picture:
    """Draw one photo of a kind of thing, its longer side `longest` pixels: see `draw_scene`."""
    return draw_scene(design, generator, draw_shape(generator, longest), difficulty)


def draw_scene(
    design: Design, generator: np.random.Generator, shape: tuple[int, int], difficulty: Difficulty
) -> Picture:
    """Draw one photo of a kind of thing.

    Args:
        design: what the thing is made of.
        generator: every choice is drawn from it, in a fixed order.
        shape: height and width in pixels.
        difficulty: how far photos may differ.

    Returns:
        uint8 [height, width, 3], RGB.
    """
    colours = draw_palette(generator, 6)
    picture = clutter(background(generator, shape, colours[4:], difficulty.ground), generator, difficulty.clutter)
    pose = draw_pose(generator, shape, difficulty)
    look = draw_look(generator, colours[:4], difficulty)
    picture = paint_thing(picture, design(Vary(generator)), pose, look, generator)
    if generator.random() < difficulty.hidden:
        picture = occlude(picture, pose, generator)
    picture = expose(picture, generator)
    return add_chrome(picture, generator) if generator.random() < difficulty.chrome else picture
