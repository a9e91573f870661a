"""The published comparison of FAISS and Annoy."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from imgsim_assets.errors import ArtefactError
from imgsim_assets.serving import layout
from imgsim_assets.storage.formats import read_table
from imgsim_assets.storage.publication import whole_publication


@dataclass(frozen=True)
class Comparison:
    """One row per library, one row per library and effort, and what both say in words."""

    table: pl.DataFrame
    curves: pl.DataFrame
    verdict: str


def open_comparison(state: Path) -> Comparison:
    """Read the comparison of the publication in force.

    Raises:
        ArtefactError: nothing is published, or it was damaged, or by a version of imgsim that gave no verdict.
    """
    bundle = whole_publication(state) / layout.BUNDLE
    try:
        verdict = (bundle / layout.VERDICT).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ArtefactError(f"a verdict in {bundle}", "none, it is older", "run `imgsim sync`") from error
    return Comparison(read_table(bundle / layout.COMPARISON), read_table(bundle / layout.CURVES), verdict)
