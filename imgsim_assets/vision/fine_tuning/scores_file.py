"""What fine-tuned networks say of photos, on disk: a table of content ids, and an array row for row."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.storage.formats import read_array, read_table, write_array, write_table

IDS_FILE = "table.parquet"
SCORES_FILE = "scores.npy"

Scores = npt.NDArray[np.float32]


def write_scores(folder: Path, scores: Mapping[str, Scores], classes: int) -> None:
    """Write what is known of photos, float32 [c] by content id."""
    write_table(folder / IDS_FILE, pl.DataFrame({"content_id": list(scores)}, schema={"content_id": pl.String}))
    write_array(folder / SCORES_FILE, np.array(list(scores.values()), dtype=np.float32).reshape(len(scores), classes))


def read_scores(path_of: Callable[[str], Path]) -> tuple[list[str], Scores]:
    """Read content ids, and float32 [n, c] row for row; `path_of` says where a file is."""
    return read_table(path_of(IDS_FILE))["content_id"].to_list(), np.asarray(read_array(path_of(SCORES_FILE)))


def read_scores_by_id(path_of: Callable[[str], Path]) -> dict[str, Scores]:
    """Read the same by content id: float32 [c]."""
    return dict(zip(*read_scores(path_of), strict=True))
