"""Drawing the training pictures once, into one array that all three trainings read."""

from collections.abc import Sequence
from dataclasses import fields
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.vision.drawing.canvas import Picture, blurred
from imgsim_assets.vision.drawing.pose import Difficulty
from imgsim_assets.vision.drawing.scene import draw_scene
from imgsim_workshop.classes import Kind
from imgsim_workshop.processes import ordered_map

SIDE = 112
EASY = Difficulty(turn=8.0, smallest=0.8, largest=1.0, clutter=0, hidden=0.0, chrome=0.1, outlined=0.02, ground=0.06)
HARD = Difficulty(
    turn=25.0, smallest=0.55, largest=1.05, clutter=6, hidden=0.35, chrome=0.35, outlined=0.12, ground=0.7
)


def graded(share: float) -> Difficulty:
    """Give the difficulty `share` of the way from the easiest to the hardest: a curriculum needs both."""
    steps = {
        field.name: getattr(EASY, field.name) * (1 - share) + getattr(HARD, field.name) * share
        for field in fields(Difficulty)
    }
    return Difficulty(**{**steps, "clutter": round(steps["clutter"])})


def worn(picture: Picture, generator: np.random.Generator) -> Picture:
    """Give some pictures blur, few colours or none, and JPEG artefacts."""
    if generator.random() < 0.15:
        picture = blurred(picture, 1)
    if generator.random() < 0.12:
        grey = picture.mean(axis=2, keepdims=True)
        picture = np.repeat(grey, 3, axis=2).astype(np.uint8)
    if generator.random() < 0.35:
        quality = int(generator.integers(25, 85))
        picture = np.asarray(
            cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1), dtype=np.uint8
        )
    return picture


def muted(picture: Picture, generator: np.random.Generator) -> Picture:
    """Draw the colours towards grey, as in most photos."""
    share = generator.random() * 0.8
    grey = picture.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(np.rint(picture * (1 - share) + grey * share), 0, 255), dtype=np.uint8)


def draw_class(kind: Kind, count: int, seed: int, side: int = SIDE) -> npt.NDArray[np.uint8]:
    """Draw `count` pictures of one class, each harder than the one before: uint8 [count, side, side, 3]."""
    design = kind.design
    pictures = np.empty((count, side, side, 3), dtype=np.uint8)
    for index in range(count):
        name = int.from_bytes(kind.family.encode(), "little") % 2**32
        generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, name, kind.number, index))))
        picture = draw_scene(design, generator, (side, side), graded(index / max(1, count - 1)))
        pictures[index] = worn(muted(picture, generator), generator)
    return pictures


def draw_pictures(
    kinds: Sequence[Kind], count: int, seed: int, workers: int, side: int = SIDE
) -> npt.NDArray[np.uint8]:
    """Draw the training set.

    Args:
        kinds: the classes.
        count: pictures of each class.
        seed: another number gives other pictures of the same classes.
        workers: processes that draw; the result does not depend on it.
        side: of the pictures, in pixels.

    Returns:
        uint8 [classes * count, side, side, 3], class by class.
    """
    pictures = np.empty((len(kinds) * count, side, side, 3), dtype=np.uint8)
    draw = partial(draw_class, count=count, seed=seed, side=side)
    with ordered_map(workers, chunk=4) as spread:
        drawn = track(spread(draw, kinds), "Drawing training pictures", total=len(kinds), unit="class")
        for index, block in enumerate(drawn):
            pictures[index * count : (index + 1) * count] = block
    return pictures
