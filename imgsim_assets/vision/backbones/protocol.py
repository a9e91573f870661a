"""What a backbone is to the rest of imgsim, whichever library runs it."""

from pathlib import Path
from typing import Protocol

import numpy as np
from PIL.Image import Image

from imgsim_assets.settings import Backbone, Runtime


class Framing(Protocol):
    """Brings a photo into the form that a model looks at: resized and cut, or whatever its library does.

    Models whose framings are equal share the framed photo, so a framing is hashable.
    """

    def __call__(self, image: Image) -> np.ndarray:
        """Frame an RGB photo of any size. Called from several threads at once.

        Returns:
            The same shape and type for every photo: uint8 [height, width, 3], or float32 [3, height, width] where
            the model's library has normalised it already.
        """
        ...

    def least_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Say down to what (width, height) a photo of `size` may be reduced beforehand with nothing visible lost."""
        ...


class BackboneModel(Protocol):
    """A loaded model with its own preprocessing.

    Attributes:
        dimension: length of its vectors.
        framing: what it is shown of a photo.
        batch_size: framed photos for one forward pass.
        device: where it computes: `cpu`, `cuda` or `mps`.
        runs_as: how it is computed, in words: device, precision, engine.
    """

    dimension: int
    framing: Framing
    batch_size: int
    device: str
    runs_as: str

    def prepare(self, photos: int) -> None:
        """Be told once, before the first of them, how many photos will come: what pays for many is done for many."""
        ...

    def embed(self, batch: np.ndarray) -> np.ndarray:
        """Turn framed photos into vectors.

        Args:
            batch: n of what `framing` gives, stacked.

        Returns:
            float32 [n, dimension], not normalised.

        Raises:
            MemoryError: so many photos do not fit the device's memory.
        """
        ...


class BackboneLoader(Protocol):
    """What an `imgsim.backbones` entry point names; the entry point's name is the scheme."""

    def __call__(self, backbone: Backbone, runtime: Runtime, models: Path | None) -> BackboneModel:
        """Load the model that `backbone.uri` names.

        Raises:
            ModelError: its files are missing or are not what they should be.
        """
        ...
