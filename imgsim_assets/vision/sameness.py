"""Vectors that are (nearly) one and the same, or none, for photos that are not: found while they are made.

How different photos are is told by a sample of what the model is shown of them, so that any number of copies of a
placeholder, and flat pictures, say nothing against a model.
"""

from dataclasses import dataclass, field

import numpy as np

from imgsim_assets.errors import ModelError

SIDE = 8  # of the pixels that are looked at: as many columns and rows, evenly
DIFFERENT = 0.05  # mean difference of such pixels, as a share of their range, between photos that show different things
FLAT = 0.02  # their standard deviation, below which a photo shows nothing
FLOAT_RANGE = 4.0  # of pixels that a library has normalised
# Distance of two vectors by the longer one's length, below which they are one to 16-bit numbers. Drawn pictures are two
# hundred times as far apart even to networks with random weights.
NEARLY_ONE = 1e-3
FEWEST, MOST = 8, 64  # different photos that are judged together


@dataclass
class Sameness:
    """What is known of the different photos of a pass, by one model."""

    name: str
    shown: list[np.ndarray] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)

    def look(self, framed: np.ndarray, vectors: np.ndarray) -> None:
        """Look at framed photos [n, ...] and at what a model makes of them, float [n, d].

        Raises:
            ModelError: for most of many different photos the vectors are one and the same, zero or not finite.
        """
        for photo, vector in zip(sampled(framed), vectors, strict=True):
            if len(self.shown) < MOST and photo.std() >= FLAT and not self._is_known(photo):
                self.shown.append(photo)
                self.vectors.append(vector)
        self._judge()
        if len(self.shown) == MOST:
            self.shown, self.vectors = [], []

    def _is_known(self, photo: np.ndarray) -> bool:
        return bool(self.shown) and bool((np.abs(np.stack(self.shown) - photo).mean(axis=1) < DIFFERENT).any())

    def _judge(self) -> None:
        count = len(self.shown)
        most = max(FEWEST, count // 2 + 1)
        if count < most:
            return
        vectors = np.stack(self.vectors)
        is_usable = np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
        unusable = count - int(is_usable.sum())
        if unusable >= most:
            raise self._unfit(f"vectors that are zero or not finite for {unusable} of {count}")
        same = int((distances(vectors[is_usable]) < NEARLY_ONE).sum(axis=1).max())
        if same >= most:
            raise self._unfit(f"(nearly) one and the same for {same} of {count}")

    def _unfit(self, found: str) -> ModelError:
        return ModelError(
            f"vectors by {self.name} that tell photos apart",
            f"{found} photos that are different",
            "correct how the model is fed (`input`, `output`, `mean`, `std`, runtime.precision), or choose another; "
            "nothing of it was kept",
        )


def sampled(framed: np.ndarray) -> np.ndarray:
    """Take a few pixels of framed photos, uint8 [n, h, w, 3] or float [n, 3, h, w]: float32 [n, ...], range one."""
    if framed.dtype == np.uint8:
        height, width = (max(1, side // SIDE) for side in framed.shape[1:3])
        few, over = framed[:, height // 2 :: height, width // 2 :: width], 255.0
    else:
        height, width = (max(1, side // SIDE) for side in framed.shape[-2:])
        few, over = framed[..., height // 2 :: height, width // 2 :: width], FLOAT_RANGE
    return few.reshape(len(few), -1).astype(np.float32) / over


def distances(vectors: np.ndarray) -> np.ndarray:
    """Give the distances between float [n, d], none zero, each by the longer one's length: float64 [n, n].

    As a model gives them: grey photos have all one direction for a model of mean colours, and it is none the worse.
    """
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    # Not by inner products, which cannot tell distances below their rounding, 1e-8.
    apart = np.stack([np.linalg.norm(wide - one, axis=1) for one in wide])
    return np.asarray(apart / np.maximum.outer(lengths, lengths))


def farthest(vectors: np.ndarray) -> float:
    """Give the largest of the distances between vectors that have a direction; 0: of fewer than two."""
    is_usable = np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
    return float(distances(vectors[is_usable]).max()) if is_usable.any() else 0.0
