"""How an asset publishes what it made: artefact first, then the claim that Dagster records."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.reporting.markdown import markdown_picture, markdown_table
from imgsim_assets.resources.store import Store
from imgsim_assets.storage.formats import read_table, write_table
from imgsim_assets.storage.versioned_folder import JSON

VERSIONS_KEPT = 3
PREVIEW_ROWS = 5
TABLE = "table.parquet"


def publish(
    store: Store,
    key: str,
    write: Callable[[Path], None],
    *,
    facts: Mapping[str, JSON] | None = None,
    notes: Mapping[str, JSON] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult[Any]:
    """Publish the files that `write` makes, and claim them: the data version is that of their content.

    Args:
        store: where.
        key: the asset's key.
        write: fills the folder it is given.
        facts: part of the content (dimensions, counts); what reads the artefact may rely on them.
        notes: not part of it (durations).
        metadata: shown in the UI beside facts and notes.
    """
    manifest = store.artefacts.publish(key, write, facts or {}, notes or {})
    store.artefacts.prune(key, VERSIONS_KEPT)
    shown = {**(metadata or {}), **manifest.facts, **manifest.notes}
    shown["path"] = dg.MetadataValue.path(store.artefacts.open(key).folder)
    shown["bytes"] = sum(record.bytes for record in manifest.files.values())
    return dg.MaterializeResult(data_version=dg.DataVersion(manifest.version), metadata=shown)


def publish_table(
    store: Store,
    key: str,
    table: pl.DataFrame,
    *,
    facts: Mapping[str, JSON] | None = None,
    notes: Mapping[str, JSON] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult[Any]:
    """Publish one table, with its number of rows and its first rows in the UI."""
    shown = {**(metadata or {}), "dagster/row_count": table.height}
    shown.setdefault("preview", in_ui(table.head(PREVIEW_ROWS)))
    return publish(
        store, key, lambda folder: write_table(folder / TABLE, table), facts=facts, notes=notes, metadata=shown
    )


def open_table(store: Store, key: str) -> pl.DataFrame:
    """Read the table that an asset published.

    Raises:
        ArtefactError: it is missing or damaged.
    """
    return read_table(store.artefacts.open(key).path(TABLE))


def in_ui(table: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Show a small table in the UI."""
    return dg.MetadataValue.md(markdown_table(table))


def picture_in_ui(png: bytes) -> dg.MarkdownMetadataValue:
    """Show a small plot in the UI."""
    return dg.MetadataValue.md(markdown_picture(png))
