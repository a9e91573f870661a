"""The published comparison of FAISS and Annoy."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from imgsim_assets.errors import ArtefactError
from imgsim_assets.serving import layout
from imgsim_assets.storage.formats import read_table


@dataclass(frozen=True)
class Comparison:
    """One row per library, one row per library and effort, and what both say in words."""

    table: pl.DataFrame
    curves: pl.DataFrame
    verdict: str


def open_comparison(publication: Path) -> Comparison:
    """Read the comparison in the folder of a publication.

    Raises:
        ArtefactError: it was published by a version of imgsim that gave no verdict, or is gone.
    """
    bundle = publication / layout.BUNDLE
    try:
        verdict = (bundle / layout.VERDICT).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ArtefactError(f"a verdict in {bundle}", "none, it is older", "run `imgsim sync`") from error
    return Comparison(read_table(bundle / layout.COMPARISON), read_table(bundle / layout.CURVES), verdict)
