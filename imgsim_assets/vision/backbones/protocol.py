"""What a backbone is to the rest of imgsim, whichever library runs it."""

from pathlib import Path
from typing import Protocol

import numpy as np
from PIL.Image import Image

from imgsim_assets.settings import Backbone, Runtime


class BackboneModel(Protocol):
    """A loaded model with its own preprocessing."""

    dimension: int

    def preprocess(self, image: Image) -> np.ndarray:
        """Turn an RGB photo of any size into what the model reads.

        Called from several threads at once.

        Returns:
            float32 [channels, height, width], the same shape for every photo.
        """
        ...

    def embed(self, batch: np.ndarray) -> np.ndarray:
        """Turn preprocessed photos into vectors.

        Args:
            batch: float32 [n, channels, height, width].

        Returns:
            float32 [n, dimension], not normalised.
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
