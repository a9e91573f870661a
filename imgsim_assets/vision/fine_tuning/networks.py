"""The networks that a backbone became, with what is known by them, in one folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from imgsim_assets.storage.formats import read_table, write_table
from imgsim_assets.vision.fine_tuning.scores_file import Scores, read_scores_by_id, write_scores
from imgsim_assets.vision.fine_tuning.tuned_file import NOTHING_LEARNED, FineTuned, load_tuned, save_tuned

NETWORKS_FILE = "networks.safetensors"
FOLDS_FILE = "folds.parquet"
NO_FOLDS = pl.DataFrame(schema={"content_id": pl.String, "fold": pl.Int64})


@dataclass(frozen=True)
class Networks:
    """What was learned, the fold of each photo that it was learned from, in how many steps, and what is known by it.

    `away` are the photos that should have been learned from, and were away or changed when they were read.
    """

    tuned: FineTuned = NOTHING_LEARNED
    folds: pl.DataFrame = field(default_factory=NO_FOLDS.clone)
    steps: int = 0
    scores: Mapping[str, Scores] = field(default_factory=dict)
    away: frozenset[str] = frozenset()

    def fold_of(self) -> dict[str, int]:
        """Give the fold of each photo, by content id."""
        return dict(self.folds.select("content_id", "fold").iter_rows())

    def write(self, folder: Path, scores: Mapping[str, Scores]) -> None:
        """Write the networks, with what they say of photos now."""
        save_tuned(self.tuned, folder / NETWORKS_FILE)
        write_table(folder / FOLDS_FILE, self.folds)
        write_scores(folder, scores, len(self.tuned.labels))


def open_networks(path_of: Callable[[str], Path], steps: int) -> Networks:
    """Read what `Networks.write` wrote; `path_of` says where a file is, and `steps` in how many they were learned."""
    tuned, folds = load_tuned(path_of(NETWORKS_FILE)), read_table(path_of(FOLDS_FILE))
    return Networks(tuned, folds, steps, read_scores_by_id(path_of))
