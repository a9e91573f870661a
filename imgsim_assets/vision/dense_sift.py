"""Dense SIFT: the directions of the edges around every point of a grid, at several sizes.

Lowe 2004 for the descriptor; on a grid with triangular pooling as in VLFeat (Vedaldi and Fulkerson 2010); square roots
as in RootSIFT (Arandjelovic and Zisserman 2012). OpenCV's own SIFT takes minutes for ten thousand points of a photo.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.dense_grid import CELLS, Descriptors, Floats, Grid, over_grids

DIRECTIONS = 8
DIMENSION = CELLS * CELLS * DIRECTIONS
BLUR = 1 / 6  # of a cell's side: what is smaller belongs to smaller cells
PEAK = 0.2  # no direction of a cell counts for more: glare
FLAT = 1.0  # mean gradient in grey values a pixel, below which there is nothing to describe
# How much the outer cells count: a Gaussian whose deviation is half a descriptor's side.
WINDOW = np.exp(-0.5 * ((np.arange(CELLS) - 1.5) / 2) ** 2).astype(np.float32)


def dense_sift(picture: npt.NDArray[np.uint8], cells: Sequence[int], step: int) -> Descriptors:
    """Describe a picture.

    Args:
        picture: RGB uint8 [h, w, 3].
        cells: sides of a descriptor's 4 x 4 cells, in pixels: one grid for each.
        step: pixels between two points of a grid.

    Returns:
        float32 [n, 128], each of length one, or zero where the picture is flat; and float32 [n, 2], where each is.
    """
    grey: Floats = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.float32)

    def describe(grid: Grid) -> Floats:
        blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), BLUR * grid.cell), dtype=np.float32)
        pooled = _pooled(_directions(blurred), grid.cell)
        weighted = grid.around(pooled) * np.outer(WINDOW, WINDOW)[:, :, np.newaxis]
        return _limited(weighted.reshape(-1, DIMENSION), FLAT * grid.cell**2)

    return over_grids(picture, cells, step, describe)


def _directions(grey: Floats) -> Floats:
    """Deal each pixel's gradient to the two directions next to its own: float32 [h, w, 8]."""
    right, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=1)
    strength, angle = (values.ravel() for values in cv2.cartToPolar(right, down))
    turns = angle * (DIRECTIONS / (2 * np.pi))
    lower = turns.astype(np.int64)
    share = turns - lower
    dealt = np.zeros((grey.size, DIRECTIONS), dtype=np.float32)
    pixels = np.arange(grey.size)
    dealt[pixels, lower % DIRECTIONS] = strength * (1 - share)
    dealt[pixels, (lower + 1) % DIRECTIONS] += strength * share
    return dealt.reshape(*grey.shape, DIRECTIONS)


def _pooled(directions: Floats, cell: int) -> Floats:
    """Sum the gradients around each pixel, the nearer ones with more weight; beyond the picture there are none."""
    triangle = (1 - np.abs(np.arange(1 - cell, cell)) / cell).astype(np.float32)
    planes = [
        cv2.sepFilter2D(np.ascontiguousarray(plane), -1, triangle, triangle, borderType=cv2.BORDER_CONSTANT)
        for plane in np.moveaxis(directions, 2, 0)
    ]
    return np.stack(planes, axis=-1)


def _limited(descriptors: Floats, flat: float) -> Floats:
    """Limit what a direction counts for and take square roots: rows of length one, or zero if shorter than `flat`."""
    sizes = np.linalg.norm(descriptors, axis=1, keepdims=True)
    limited = np.minimum(descriptors / np.maximum(sizes, np.finfo(np.float32).tiny), PEAK)
    sums = np.maximum(limited.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.where(sizes < flat, 0, np.sqrt(limited / sums))
