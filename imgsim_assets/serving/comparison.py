"""The published table of FAISS beside Annoy."""

from pathlib import Path

import polars as pl

from imgsim_assets.serving.bundle import BUNDLE
from imgsim_assets.storage.formats import read_table
from imgsim_assets.storage.publication import published


def comparison_table(state: Path) -> pl.DataFrame:
    """Read the comparison of the publication in force: one row per library.

    Raises:
        ArtefactError: nothing is published.
    """
    return read_table(published(state) / BUNDLE / "comparison.parquet")
