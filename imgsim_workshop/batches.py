"""The training set, and which of its pictures meet in a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_workshop.classes import Kind


@dataclass(frozen=True)
class Pictures:
    """The training set: uint8 [n, side, side, 3], classes int64 [n] in equal blocks, and `fisher_targets` of each."""

    pixels: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.int64]
    kinds: Sequence[Kind]
    fisher: npt.NDArray[np.float32]


def choose_batch(pictures: Pictures, batch: int, share: float, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Choose two different pictures of each of `batch / 2` classes.

    Args:
        pictures: the training set.
        batch: even.
        share: how much of each class is in use, 0 to 1: its first, easy pictures come first.
        generator: where the choices come from.

    Returns:
        int64 [batch] row numbers, sorted.
    """
    each = len(pictures.classes) // len(pictures.kinds)
    used = min(each, max(2, round(each * share)))
    kinds = generator.permutation(len(pictures.kinds))[: batch // 2]
    first = generator.integers(0, used, len(kinds))
    second = (first + generator.integers(1, used, len(kinds))) % used
    return np.sort(np.concatenate([kinds * each + first, kinds * each + second]))
