"""How an asset keeps what it made: artefact first, then the claim that Dagster records."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.errors import ArtefactError
from imgsim_assets.reporting.markdown import markdown_picture, markdown_table
from imgsim_assets.resources.store import Store
from imgsim_assets.storage.artefacts import Artefact
from imgsim_assets.storage.formats import read_table, write_table, writing
from imgsim_assets.storage.versioned_folder import JSON

VERSIONS_KEPT = 3
PREVIEW_ROWS = 5
TABLE = "table.parquet"
LABELLED_FILE = "labelled.parquet"  # the labelled photos that something was learned from


def keep(
    store: Store,
    key: str,
    write: Callable[[Path], None],
    *,
    facts: Mapping[str, JSON] | None = None,
    notes: Mapping[str, JSON] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult[Any]:
    """Keep the files that `write` makes, and claim them: the data version is that of their content.

    Args:
        store: where.
        key: the asset's key.
        write: fills the folder it is given.
        facts: part of the content (dimensions, counts); what reads the artefact may rely on them.
        notes: not part of it (durations).
        metadata: shown in the UI beside facts and notes.
    """
    manifest = store.artefacts.keep(key, write, facts or {}, notes or {})
    store.artefacts.prune(key, VERSIONS_KEPT)
    shown = {**(metadata or {}), **manifest.facts, **manifest.notes}
    shown["path"] = dg.MetadataValue.path(store.artefacts.open(key).folder)
    shown["bytes"] = sum(record.bytes for record in manifest.files.values())
    return dg.MaterializeResult(data_version=dg.DataVersion(manifest.version), metadata=shown)


def keep_table(
    store: Store,
    key: str,
    table: pl.DataFrame,
    *,
    facts: Mapping[str, JSON] | None = None,
    notes: Mapping[str, JSON] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult[Any]:
    """Keep one table, with its number of rows and its first rows in the UI."""
    shown = {**(metadata or {}), "dagster/row_count": table.height}
    shown.setdefault("preview", in_ui(table.head(PREVIEW_ROWS)))
    return keep(store, key, lambda folder: write_table(folder / TABLE, table), facts=facts, notes=notes, metadata=shown)


def made_before(store: Store, key: str, **facts: JSON) -> Artefact | None:
    """Open what an asset made before; None: there is nothing, or it was made otherwise, by these facts."""
    try:
        present = store.artefacts.open(key)
    except ArtefactError:
        return None
    same = all(present.manifest.facts.get(name) == value for name, value in facts.items())
    return present if same else None


def labelled_before(store: Store, key: str, made_by: str) -> pl.DataFrame | None:
    """Open the labelled photos that what is kept was made from; None: there is none, or it was made otherwise."""
    present = made_before(store, key, made_by=made_by)
    return read_table(present.path(LABELLED_FILE)) if present else None


def keep_again(store: Store, key: str, metadata: Mapping[str, Any]) -> dg.MaterializeResult[Any]:
    """Keep once more what is kept, so that what hangs on it stays fresh."""
    present = store.artefacts.open(key)
    contents = writing({name: present.path(name).read_bytes() for name in present.manifest.files})
    return keep(store, key, contents, facts=present.manifest.facts, metadata={**metadata, "kept": True})


def open_table(store: Store, key: str) -> pl.DataFrame:
    """Read the table that an asset keeps.

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
