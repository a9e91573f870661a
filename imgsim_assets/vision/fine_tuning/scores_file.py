"""What fine-tuned networks say of photos, on disk: a table of content ids, and an array row for row."""

from collections.abc import Mapping
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


def read_scores(ids: Path, scores: Path) -> tuple[list[str], Scores]:
    """Read the two files: content ids, and float32 [n, c]."""
    return read_table(ids)["content_id"].to_list(), np.asarray(read_array(scores))
