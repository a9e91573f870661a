"""Photo to model input: framed as bytes where photos are decoded, normalised where the model runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from imgsim_assets.errors import ModelError
from imgsim_assets.vision.backbones.protocol import Framing

REVISION = "pixels/1"  # to be raised when framed or normalised photos change
# A photo is reduced to no less than so many times the size it is resized to; Pillow's thumbnails do the same.
REDUCING_GAP = 2.0
CHANNELS = 3
# Lying, standing, square, odd and even margins on each side, smaller and larger than what models look at.
PROBE_SIZES = ((96, 64), (64, 97), (50, 50), (33, 77), (333, 250), (251, 301), (640, 427))


@dataclass(frozen=True)
class SquareFraming:
    """Resize a photo and take a square of `size` pixels out of its middle: uint8 [size, size, 3].

    Attributes:
        size: side of the square.
        resize: `squash` brings both sides to `scaled`, `crop` the shorter one.
        scaled: what the sides are brought to; 0: `size`.
        resample: Pillow's filter.
        middle: where a margin is odd: `even` is the even one of the two middles, as torchvision has it, `lower` the
            one nearer to the top left, as transformers has it.
    """

    size: int
    resize: Literal["squash", "crop"] = "squash"
    scaled: int = 0
    resample: Image.Resampling = Image.Resampling.BILINEAR
    middle: Literal["even", "lower"] = "even"

    def __call__(self, image: Image.Image) -> np.ndarray:
        """Frame an RGB photo of any size."""
        whole = image.resize(self._scaled(image.size), self.resample)
        left, top = (self._middle(side - self.size) for side in whole.size)
        return np.array(whole.crop((left, top, left + self.size, top + self.size)))

    def least_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Say down to what (width, height) a photo of `size` may be reduced first."""
        width, height = (
            min(int(REDUCING_GAP * wanted), side) for wanted, side in zip(self._scaled(size), size, strict=True)
        )
        return width, height

    def _scaled(self, size: tuple[int, int]) -> tuple[int, int]:
        side = self.scaled or self.size
        if self.resize == "squash":
            return side, side
        width, height = size
        shorter = min(width, height)
        # The longer side is rounded down, as torchvision and transformers do.
        return side * width // shorter, side * height // shorter

    def _middle(self, margin: int) -> int:
        return round(margin / 2) if self.middle == "even" else margin // 2


@dataclass(frozen=True)
class LibraryFraming:
    """A library's own preprocessing, from RGB photo to float32 [3, h, w], where `SquareFraming` cannot say the same."""

    preprocess: Callable[[Image.Image], np.ndarray]

    def __call__(self, image: Image.Image) -> np.ndarray:
        """Preprocess an RGB photo of any size."""
        return np.ascontiguousarray(self.preprocess(image), dtype=np.float32)

    def least_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Nothing is known of what it does with a photo, so nothing is taken from it."""
        return size


@dataclass(frozen=True)
class Normalisation:
    """`(value / 255 - mean) / std` per RGB channel, the values being 0 to 255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def scale(self) -> np.ndarray:
        """What a value is multiplied by: float32 [3]."""
        return (1 / (255 * np.array(self.std, dtype=np.float64))).astype(np.float32)

    @property
    def shift(self) -> np.ndarray:
        """What is added then: float32 [3]."""
        return (-np.array(self.mean, dtype=np.float64) / np.array(self.std, dtype=np.float64)).astype(np.float32)

    def __call__(self, framed: np.ndarray) -> np.ndarray:
        """Turn uint8 [n, h, w, 3] into float32 [n, 3, h, w], not contiguous: the channels lie last."""
        pixels: np.ndarray = framed * self.scale + self.shift
        return pixels.transpose(0, 3, 1, 2)


@dataclass(frozen=True)
class PhotoInput:
    """A framing, and the normalisation that goes on where the model runs; None: the framing has normalised already."""

    framing: SquareFraming | LibraryFraming
    normalisation: Normalisation | None = None

    def normalised(self, framed: np.ndarray) -> np.ndarray:
        """Turn n stacked framed photos into float32 [n, 3, h, w]."""
        return framed if self.normalisation is None else self.normalisation(framed)


def as_the_library(library: Callable[[Image.Image], np.ndarray], proposed: PhotoInput | None) -> PhotoInput:
    """Take the square framing that does what a library's preprocessing does, if there is one.

    A library's own code takes several times as long for a photo, and gives four times the bytes.

    Args:
        library: from RGB photo to float32 [3, h, w].
        proposed: read off the library's settings; it may be wrong: it is believed only if it gives the library's
            values for photos of many forms.
    """
    if proposed is None or not all(_agree(library, proposed, probe) for probe in draw_probes()):
        return PhotoInput(LibraryFraming(library))
    return proposed


def frame_probes(framing: Framing) -> np.ndarray:
    """Frame drawn photos of many forms: [n, ...], as a model's `embed` takes them.

    Raises:
        ModelError: they come out in several shapes.
    """
    framed = [framing(probe) for probe in draw_probes()]
    shapes = sorted({one.shape for one in framed})
    if len(shapes) != 1:
        raise ModelError(
            "a model that brings photos of any form to one size",
            f"its preprocessing gives {' and '.join(str(shape) for shape in shapes[:2])}",
            "choose a model with a fixed input size, or set a crop in its preprocessor_config.json",
        )
    return np.stack(framed)


def draw_probes() -> list[Image.Image]:
    """Draw RGB photos of `PROBE_SIZES`: smooth colours with noise on them, so that every filter and shift shows."""
    random = np.random.default_rng(0)
    probes = []
    for size in PROBE_SIZES:
        coarse = Image.fromarray(random.integers(0, 256, (9, 7, CHANNELS), dtype=np.uint8))
        smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = smooth + random.integers(-24, 25, smooth.shape, dtype=np.int16)
        probes.append(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    return probes


def _agree(library: Callable[[Image.Image], np.ndarray], proposed: PhotoInput, probe: Image.Image) -> bool:
    expected, found = library(probe), proposed.normalised(proposed.framing(probe)[np.newaxis])[0]
    return expected.shape == found.shape and bool(np.allclose(found, expected, rtol=0, atol=1e-5))
