"""Painting a thing: its colours, its surface, the light on it, its outline and its shadow."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.drawing.canvas import Mask, Picture, blurred, mask_of, paste, shaded
from imgsim_assets.vision.drawing.outline import Part, Points
from imgsim_assets.vision.drawing.pose import Difficulty, Pose, between
from imgsim_assets.vision.drawing.textures import texture


def relief(mask: Mask, light: Points, reach: int, strength: float) -> npt.NDArray[np.int16]:
    """Light the rounded edge of a mask: brighter towards `light`, darker away from it."""
    soft = blurred(mask, reach).astype(np.int16)
    down, across = np.zeros_like(soft), np.zeros_like(soft)
    down[1:-1] = soft[2:] - soft[:-2]
    across[:, 1:-1] = soft[:, 2:] - soft[:, :-2]
    towards = np.rint(light * 64 * strength).astype(np.int32)
    return np.asarray((across * towards[0] + down * towards[1]) >> 6, dtype=np.int16)


@dataclass(frozen=True)
class Look:
    """How a thing is rendered: independent of its kind."""

    colours: npt.NDArray[np.uint8]
    light: Points
    bulge: float
    texture: float
    outlined: bool
    contour: float


def draw_look(generator: np.random.Generator, colours: npt.NDArray[np.uint8], difficulty: Difficulty) -> Look:
    """Draw colours, light and surface."""
    angle = generator.random() * 2 * np.pi
    return Look(
        colours=colours,
        light=np.array([np.cos(angle), np.sin(angle)]),
        bulge=between(generator, 0.0, 2.5),
        texture=between(generator, 0.0, 0.35),
        outlined=bool(generator.random() < difficulty.outlined),
        contour=between(generator, 1.0, 2.4) if generator.random() < 0.4 else 0.0,
    )


def paint_thing(picture: Picture, parts: list[Part], pose: Pose, look: Look, generator: np.random.Generator) -> Picture:
    """Paint a thing's parts in order, with its shadow."""
    shape = picture.shape[:2]
    placed = [([pose(contour) for contour in part.contours], part) for part in parts]
    masks = [mask_of(contours, shape, part.width * pose.scale) for contours, part in placed]
    if not look.outlined:
        picture = _shadow(picture, masks, look, generator)
    surface = texture(shape, generator, look.texture)
    ink = look.colours[3]
    for (contours, part), mask in zip(placed, masks, strict=True):
        if look.outlined:
            picture = _sketch(picture, contours, part, mask, ink)
            continue
        colour = np.broadcast_to(look.colours[part.tone], picture.shape)
        if part.shade is None:
            lit = surface + relief(mask, look.light, max(2, round(pose.scale * 0.06)), look.bulge)
        else:
            lit = surface + np.int16(part.shade)
        picture = paste(picture, mask, shaded(colour, lit))
        if look.contour and not part.width:
            closed = [np.concatenate([contour, contour[:1]]) for contour in contours]
            picture = paste(picture, mask_of(closed, shape, look.contour), ink)
    return picture


def _sketch(picture: Picture, contours: list[Points], part: Part, mask: Mask, ink: npt.NDArray[np.uint8]) -> Picture:
    """Draw a part by its outline only; a stroke stays a stroke."""
    if part.width:
        return paste(picture, mask, ink)
    closed = [np.concatenate([contour, contour[:1]]) for contour in contours]
    return paste(picture, mask_of(closed, mask.shape, 2.2), ink)


def _shadow(picture: Picture, masks: list[Mask], look: Look, generator: np.random.Generator) -> Picture:
    """Darken where the thing keeps the light away."""
    offset = np.rint(look.light * between(generator, 2, 9)).astype(np.int64)
    whole = np.maximum.reduce(masks)
    moved = np.roll(whole, (int(offset[1]), int(offset[0])), axis=(0, 1))
    soft = blurred(moved, int(generator.integers(2, 6)))
    depth = int(generator.integers(20, 140))
    return paste(picture, (soft.astype(np.uint16) * depth // 255).astype(np.uint8), np.zeros(3, dtype=np.uint8))
