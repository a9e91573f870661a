"""Local colour statistics: mean and spread of the colours around every point of a grid (Clinchant et al. 2007)."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.dense_grid import CELLS, Descriptors, Floats, Grid, over_grids

DIMENSION = CELLS * CELLS * 3 * 2


def dense_colour(picture: npt.NDArray[np.uint8], cells: Sequence[int], step: int) -> Descriptors:
    """Describe a picture.

    Args:
        picture: RGB uint8 [h, w, 3].
        cells: sides of a descriptor's 4 x 4 cells, in pixels: one grid for each.
        step: pixels between two points of a grid.

    Returns:
        float32 [n, 96], means and standard deviations of values from 0 to 1; and float32 [n, 2], where each is.
    """
    values = picture.astype(np.float32) / 255

    def describe(grid: Grid) -> Floats:
        mean, square = (cv2.blur(one, (grid.cell, grid.cell)) for one in (values, values**2))
        spread = np.sqrt(np.maximum(square - mean**2, 0))
        return grid.around(np.concatenate([mean, spread], axis=2)).reshape(-1, DIMENSION)

    return over_grids(picture, cells, step, describe)
