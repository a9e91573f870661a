"""Changes that leave the content: crop, turn, mirror, colours, negative, hidden parts. On whole batches."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Changes:
    """How far a view may be from its picture.

    Attributes:
        smallest, largest: share of the picture's side that is seen.
        turn: largest, in radians either way.
        any_colour: also swap the colours and turn pictures negative, where a shape means the same in any colour.
    """

    smallest: float
    largest: float
    turn: float
    any_colour: bool


def augment(pictures: npt.NDArray[np.uint8], size: int, generator: np.random.Generator, changes: Changes) -> "Tensor":
    """Give each picture of a batch its own view.

    Args:
        pictures: uint8 [n, side, side, 3].
        size: side of the views.
        generator: where the choices come from.
        changes: how far a view may be from its picture.

    Returns:
        float32 [n, 3, size, size], values from 0 to 1.
    """
    import torch

    batch = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / 255
    seen = torch.nn.functional.grid_sample(
        batch, _grid(len(pictures), size, generator, changes), padding_mode="reflection", align_corners=False
    )
    lit = torch.einsum("nij,njhw->nihw", _colour_mix(len(pictures), generator, changes.any_colour), seen - 0.5)
    lift = torch.from_numpy(generator.uniform(-0.12, 0.12, (len(pictures), 1, 1, 1))).float()
    return _hide((lit + lift).clamp(-0.5, 0.5) + 0.5, generator)


def _grid(count: int, size: int, generator: np.random.Generator, changes: Changes) -> "Tensor":
    """Sampling places of scaled, stretched, turned, moved and mirrored views: [count, size, size, 2]."""
    import torch

    scale = generator.uniform(changes.smallest, changes.largest, count)
    stretch = np.exp(generator.uniform(-0.2, 0.2, count))
    angle = generator.uniform(-changes.turn, changes.turn, count)
    mirror = np.where(generator.random(count) < 0.5, -1.0, 1.0)
    spare = np.maximum(0.05, 1 - scale)
    matrix = np.zeros((count, 2, 3))
    matrix[:, 0, 0] = np.cos(angle) * scale * stretch * mirror
    matrix[:, 0, 1] = -np.sin(angle) * scale
    matrix[:, 1, 0] = np.sin(angle) * scale * mirror
    matrix[:, 1, 1] = np.cos(angle) * scale / stretch
    matrix[:, :, 2] = generator.uniform(-1, 1, (count, 2)) * spare[:, None]
    return torch.nn.functional.affine_grid(
        torch.from_numpy(matrix).float(), [count, 3, size, size], align_corners=False
    )


def _colour_mix(count: int, generator: np.random.Generator, any_colour: bool) -> "Tensor":
    """Matrices [count, 3, 3] over RGB: permuted, faded to grey, turned negative, of another contrast."""
    import torch

    in_order, negative = (0.5, 0.1) if any_colour else (1.0, 0.0)
    order = np.argsort(generator.random((count, 3)), axis=1)
    order[generator.random(count) < in_order] = (0, 1, 2)
    mix = np.eye(3)[order]
    fade = np.where(generator.random(count) < 0.2, 1.0, generator.uniform(0, 0.4, count))[:, None, None]
    mix = mix * (1 - fade) + fade / 3
    contrast = generator.uniform(0.6, 1.4, count) * np.where(generator.random(count) < negative, -1.0, 1.0)
    return torch.from_numpy(mix * contrast[:, None, None]).float()


def _hide(batch: "Tensor", generator: np.random.Generator) -> "Tensor":
    """Cover a rectangle of a fifth of the views with grey of some lightness."""
    side = batch.shape[-1]
    for index in np.flatnonzero(generator.random(len(batch)) < 0.2):
        height, width = (int(side * generator.uniform(0.1, 0.4)) for _ in range(2))
        top, left = int(generator.integers(side - height)), int(generator.integers(side - width))
        batch[index, :, top : top + height, left : left + width] = generator.random()
    return batch
