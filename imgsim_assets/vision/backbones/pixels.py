"""Photo to model input for models that bring no preprocessing code: resize to a square, scale, normalise."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class SquareInput:
    """How an RGB photo becomes float32 [3, size, size].

    `squash` keeps the whole photo and not its form; `crop` scales the shorter side to `size` and
    keeps the middle. Values are divided by 255, then `(value - mean) / std` per channel.
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resize: Literal["squash", "crop"] = "squash"
    resample: Image.Resampling = Image.Resampling.BILINEAR

    def __call__(self, image: Image.Image) -> np.ndarray:
        """Turn an RGB photo of any size into float32 [3, size, size]."""
        square = image.resize(self._scaled(image), self.resample)
        left, top = ((side - self.size) / 2 for side in square.size)
        square = square.crop((round(left), round(top), round(left) + self.size, round(top) + self.size))
        mean, std = np.array([self.mean, self.std], dtype=np.float32)
        pixels: np.ndarray = (np.array(square, dtype=np.float32) / 255 - mean) / std
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def _scaled(self, image: Image.Image) -> tuple[int, int]:
        if self.resize == "squash":
            return self.size, self.size
        width, height = image.size
        shorter = min(width, height)
        # The longer side is rounded down, as torchvision does, whose models are the most.
        return self.size * width // shorter, self.size * height // shorter
