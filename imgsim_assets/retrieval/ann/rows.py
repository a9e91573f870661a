"""Some of many rows: in turns, or evenly spaced."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", bound=np.generic)

BLOCK = 50_000


def blocks(rows: npt.NDArray[Number]) -> Iterator[npt.NDArray[Number]]:
    """Go through the rows of an array, mapped from a file perhaps, 50,000 at a time."""
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]


def evenly(rows: npt.NDArray[Number], count: int) -> npt.NDArray[Number]:
    """Take at most `count` rows, evenly spaced, the first and the last among them: a copy."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64))]
