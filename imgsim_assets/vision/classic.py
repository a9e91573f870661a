"""The classical members of the compact ensemble: Fisher vectors of dense local descriptors.

`sift` sees the directions of edges, `colour` the colours. Their codebooks, which say what pictures in general are like,
are learned from drawn pictures and shipped: `weights/MODEL_CARD.md`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.dense_colour import dense_colour
from imgsim_assets.vision.dense_grid import Descriptors
from imgsim_assets.vision.dense_sift import dense_sift
from imgsim_assets.vision.fisher import Codebook, Floats
from imgsim_assets.vision.shipped import WEIGHTS, shipped_file

REVISION = "classic/1"  # to be raised when vectors change though the codebooks do not
SIDE = 256
CELL_SIDES = (4, 6, 8, 12)
STEP = 4

Describe = Callable[[npt.NDArray[np.uint8], Sequence[int], int], Descriptors]
DESCRIBE = MappingProxyType[str, Describe]({"sift": dense_sift, "colour": dense_colour})
CLASSIC_NAMES: tuple[str, ...] = tuple(DESCRIBE)


@dataclass(frozen=True)
class ClassicModel:
    """A kind of local descriptor, and the codebook that its descriptors are compared with."""

    name: str
    codebook: Codebook

    def embed(self, picture: npt.NDArray[np.uint8]) -> Floats:
        """Embed an RGB picture, uint8 [SIDE, SIDE, 3]: float32 [codebook.dimension], of length one."""
        return self.codebook.encode(*describe(self.name, picture))


def describe(name: str, picture: npt.NDArray[np.uint8], cells: Sequence[int] = CELL_SIDES) -> Descriptors:
    """Describe a picture on all grids: float32 [n, d], and where, float32 [n, 2]. Flat places are left out."""
    descriptors, places = DESCRIBE[name](picture, cells, STEP)
    is_something = descriptors.any(axis=1)
    # Of a picture that is flat all over there is nothing else to tell.
    return (descriptors[is_something], places[is_something]) if is_something.any() else (descriptors, places)


def codebook_file(name: str) -> Path:
    """Give the path of a shipped codebook.

    Raises:
        ModelError: there is no classical model of this name, or its file is absent.
    """
    return shipped_file("classic", name, CLASSIC_NAMES, WEIGHTS)


def load_classic(name: str, codebook: Path | None = None) -> ClassicModel:
    """Load a classical model.

    Args:
        name: one of `CLASSIC_NAMES`.
        codebook: another file than the shipped one.

    Raises:
        ModelError: the name is unknown, or the file is absent.
    """
    from safetensors.numpy import load_file

    return ClassicModel(name, Codebook(**load_file(codebook or codebook_file(name))))
