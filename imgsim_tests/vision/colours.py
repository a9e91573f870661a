"""Evenly coloured photos, and a model whose vector of one is its colour."""

import numpy as np
from PIL import Image

from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.embedding import Lane, embed_photos
from imgsim_assets.vision.framing import PhotoSource


class Colours:
    """A model whose vector of an evenly coloured photo is its colour, and that remembers its batches."""

    dimension = 3
    framing = SquareFraming(4)
    device = "cpu"
    runs_as = "numpy"

    def __init__(self, batch_size: int = 4):
        self.batch_size = batch_size
        self.batches: list[int] = []

    def embed(self, batch):
        self.batches.append(len(batch))
        return batch.mean(axis=(1, 2))


def colour(index: int) -> tuple[int, int, int]:
    return 1 + index % 200, 1 + index // 200, 7


def photo(index: int) -> PhotoSource:
    return PhotoSource(f"{index:032x}", lambda: Image.new("RGB", (4, 4), colour(index)))


def unreadable(index: int, error: Exception) -> PhotoSource:
    def fail():
        raise error

    return PhotoSource(f"{index:032x}", fail)


def lanes_of(model=None):
    return [Lane("only", model or Colours(), Colours.framing)]


def run(photos, model=None, workers=2):
    return [batch for _, batch in embed_photos(photos, lanes_of(model), workers=workers)]


def oracle(indices):
    vectors = np.array([colour(index) for index in indices], dtype=np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
