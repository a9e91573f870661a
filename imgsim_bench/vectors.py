"""Vectors drawn to lie as embeddings of photos do, in any number."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

PHOTOS_PER_CLASS = 100
CLASSES_PER_KIN = 10
DECAY = 0.8
COMMON, KIN, CLASS, PHOTO = 1.0, 0.3, 0.42, 0.8
BLOCK = 50_000


@dataclass(frozen=True)
class Mixture:
    """Classes, each a normal distribution, from which photos are drawn.

    `centres` are float32 [c, d], and `spread` float32 [d] is that of photos around them.
    """

    centres: Vectors
    spread: Vectors

    def draw(self, count: int, seed: int) -> Vectors:
        """Draw float32 [count, d] vectors of norm 1, each of a class picked at random."""
        return np.concatenate(list(self.blocks(count, seed)))

    def blocks(self, count: int, seed: int) -> Iterator[Vectors]:
        """Draw the same in blocks of at most 50,000, so that all need not be in memory at once."""
        random = np.random.default_rng(seed)
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            chosen = random.integers(0, len(self.centres), size)
            photos = random.standard_normal((size, len(self.spread)), dtype=np.float32)
            photos *= self.spread
            photos += self.centres[chosen]
            photos /= np.linalg.norm(photos, axis=1, keepdims=True)
            yield photos


def draw_mixture(count: int, dimensions: int, seed: int) -> Mixture:
    """Draw the classes of a collection of about `count` photos.

    A vector is the sum of what all photos have in common (embeddings lie in a cone), of its class's kin (ten classes
    are akin), of its class (a hundred photos each) and of its own, with norms of 1, 0.3, 0.42 and 0.8 in the mean. The
    variance of each part but the first falls with the axis's number to the power 0.8, so that a few dozen axes carry
    half of it, as in image embeddings. Then the norm is made 1.
    """
    random = np.random.default_rng(seed)
    classes = max(2, count // PHOTOS_PER_CLASS)
    kin = max(1, classes // CLASSES_PER_KIN)
    axes = np.arange(1, dimensions + 1) ** (-DECAY / 2)
    axes /= np.linalg.norm(axes)
    common = random.standard_normal(dimensions)
    common *= COMMON / np.linalg.norm(common)
    families = KIN * axes * random.standard_normal((kin, dimensions))
    centres = common + families[random.integers(0, kin, classes)]
    centres += CLASS * axes * random.standard_normal((classes, dimensions))
    return Mixture(centres.astype(np.float32), (PHOTO * axes).astype(np.float32))
