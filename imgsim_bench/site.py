"""What another site would put on photos: a border, letterbox bars, a caption, a watermark.

Drawn otherwise than the sample's chrome (around the photo instead of over it, with other letters and colours), so that
what was made for the one is judged on the other.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Draw = Callable[[Picture, np.random.Generator], Picture]

COLOURS = ((255, 255, 255), (0, 0, 0), (24, 40, 72), (236, 228, 208))
WORDS = ("photo of the day", "visit our shop", "no. 4711", "(c) the owner", "more at the fair", "sold out!")


def border(photo: Picture, generator: np.random.Generator) -> Picture:
    """A frame of one colour around it, 3 to 9 hundredths of its shorter side wide."""
    rim = round(min(photo.shape[:2]) * generator.uniform(0.03, 0.09))
    return _around(photo, (rim, rim, rim, rim), _colour(generator))


def bars(photo: Picture, generator: np.random.Generator) -> Picture:
    """Black bars above and below it, or to its left and right, each 5 to 15 hundredths of that side."""
    upright = generator.random() < 0.5
    rim = round(photo.shape[0 if upright else 1] * generator.uniform(0.05, 0.15))
    return _around(photo, (rim, rim, 0, 0) if upright else (0, 0, rim, rim), (0, 0, 0))


def caption(photo: Picture, generator: np.random.Generator) -> Picture:
    """A strip with words under it, a tenth to a sixth of its height."""
    strip = round(photo.shape[0] * generator.uniform(0.1, 0.16))
    colour = _colour(generator)
    captioned = _around(photo, (0, strip, 0, 0), colour)
    ink = (255, 255, 255) if sum(colour) < 384 else (20, 20, 20)
    height = strip * 0.45
    place = round(strip * 0.4), len(captioned) - round(strip * 0.3)
    return _written(captioned, _words(generator), place, height, ink)


def watermark(photo: Picture, generator: np.random.Generator) -> Picture:
    """Half-transparent white words across its lower part."""
    height = photo.shape[0] * generator.uniform(0.05, 0.09)
    place = round(photo.shape[1] * 0.04), round(photo.shape[0] * generator.uniform(0.7, 0.95))
    return _written(photo, _words(generator), place, height, (255, 255, 255), strength=0.5)


def everything(photo: Picture, generator: np.random.Generator) -> Picture:
    """A watermark on it, a caption under it and a border around both."""
    return border(caption(watermark(photo, generator), generator), generator)


CHROME: Mapping[str, Draw] = MappingProxyType(
    {"border": border, "letterbox bars": bars, "caption": caption, "watermark": watermark, "all three": everything}
)


def _colour(generator: np.random.Generator) -> tuple[int, ...]:
    return COLOURS[int(generator.integers(len(COLOURS)))]


def _words(generator: np.random.Generator) -> str:
    return WORDS[int(generator.integers(len(WORDS)))]


def _around(photo: Picture, rims: tuple[int, int, int, int], colour: tuple[int, ...]) -> Picture:
    return np.asarray(cv2.copyMakeBorder(photo, *rims, cv2.BORDER_CONSTANT, value=colour), dtype=np.uint8)


def _written(
    photo: Picture, words: str, place: tuple[int, int], height: float, ink: tuple[int, ...], *, strength: float = 1.0
) -> Picture:
    """Write words, their lower left corner at `place` (x, y), their capitals `height` pixels high."""
    font = cv2.FONT_HERSHEY_DUPLEX
    scale = cv2.getFontScaleFromHeight(font, max(6, round(height)))
    written = cv2.putText(photo.copy(), words, place, font, scale, ink, max(1, round(height / 9)), cv2.LINE_AA)
    return np.asarray(cv2.addWeighted(photo, 1 - strength, written, strength, 0), dtype=np.uint8)
