"""What was had before networks, and has to be beaten: pixels, and histograms of gradients and colours."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.descriptors import normalise

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]

SIDE = 128
CELL = 16  # pixels a side
DIRECTIONS = 9  # of edges, whichever side is the lighter
CLIPPED = 0.2  # no direction of a block counts for more
HSV_BINS = (8, 4, 4)


def pixels(picture: Picture) -> Floats:
    """Describe a picture by its 32 x 32 thumbnail: float64 [3072], around middle grey."""
    return cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float64).ravel() - 127.5


def gradients_and_colours(picture: Picture) -> Floats:
    """Join a histogram of oriented gradients (Dalal and Triggs 2005) and one of HSV colours, both of length one."""
    squashed = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(squashed, cv2.COLOR_RGB2HSV)
    colours = cv2.calcHist([hsv], [0, 1, 2], None, list(HSV_BINS), [0, 180, 0, 256, 0, 256])
    both = [_gradients(np.asarray(cv2.cvtColor(squashed, cv2.COLOR_RGB2GRAY))), np.sqrt(colours.ravel())]
    return np.concatenate([normalise(one[np.newaxis])[0] for one in both])


FLOORS: Mapping[str, Callable[[Picture], Floats]] = {
    "pixels, 32 x 32": pixels,
    "HOG and HSV histogram": gradients_and_colours,
}


def _gradients(grey: npt.NDArray[np.number]) -> Floats:
    """Histogram the directions in each cell, and scale them over blocks of two by two cells."""
    shades = np.sqrt(grey.astype(np.float32))
    right, down = cv2.Sobel(shades, cv2.CV_32F, 1, 0, ksize=1), cv2.Sobel(shades, cv2.CV_32F, 0, 1, ksize=1)
    strength, angle = (np.asarray(values) for values in cv2.cartToPolar(right, down))
    bins = (angle % np.pi / np.pi * DIRECTIONS).astype(np.int64) % DIRECTIONS
    cells = np.zeros((SIDE // CELL, SIDE // CELL, DIRECTIONS))
    rows, columns = np.indices(grey.shape) // CELL
    np.add.at(cells, (rows, columns, bins), strength)
    blocks = np.stack([cells[:-1, :-1], cells[1:, :-1], cells[:-1, 1:], cells[1:, 1:]], axis=2)
    flat = blocks.reshape(-1, 4 * DIRECTIONS)
    return normalise(np.minimum(normalise(flat), CLIPPED)).ravel()
