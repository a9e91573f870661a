"""A grid of points over a picture, and the 4 x 4 cells around each: where local descriptors are taken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Descriptors = tuple[Floats, Floats]

CELLS = 4


@dataclass(frozen=True)
class Grid:
    """Points `step` pixels apart, each in the middle of 4 x 4 cells of `cell` pixels that lie within the picture."""

    height: int
    width: int
    cell: int
    step: int

    def around(self, pooled: Floats) -> Floats:
        """Take of values [h, w, c], each pooled around its pixel, those in the middle of the cells: [n, 4, 4, c]."""
        rows, columns = self._sides
        offsets = [round((place - (CELLS - 1) / 2) * self.cell) for place in range(CELLS)]
        taken = np.empty((len(rows), len(columns), CELLS, CELLS, pooled.shape[2]), dtype=np.float32)
        for row, down in enumerate(offsets):
            for column, right in enumerate(offsets):
                taken[:, :, row, column] = pooled[(rows + down)[:, np.newaxis], columns + right]
        return taken.reshape(-1, CELLS, CELLS, pooled.shape[2])

    @property
    def places(self) -> Floats:
        """Where in the picture each point is: float32 [n, 2], (x, y) from -0.5 to 0.5."""
        rows, columns = self._sides
        y, x = np.meshgrid(rows / self.height - 0.5, columns / self.width - 0.5, indexing="ij")
        return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)

    @property
    def _sides(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        half = CELLS * self.cell // 2
        rows, columns = (np.arange(half, side - half + 1, self.step) for side in (self.height, self.width))
        return rows, columns


def over_grids(
    picture: npt.NDArray[np.uint8], cells: Sequence[int], step: int, describe: Callable[[Grid], Floats]
) -> Descriptors:
    """Describe a picture [h, w, ...] on one grid for each size of cell.

    Returns:
        float32 [n, d] of all grids, and float32 [n, 2], where each is.
    """
    grids = [Grid(picture.shape[0], picture.shape[1], cell, step) for cell in cells]
    return np.concatenate([describe(grid) for grid in grids]), np.concatenate([grid.places for grid in grids])
