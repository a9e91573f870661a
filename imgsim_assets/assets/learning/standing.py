"""What stays as it is while the labelled photos that it was made from are nearly the same."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.publishing import publish
from imgsim_assets.errors import ArtefactError
from imgsim_assets.resources.store import Store
from imgsim_assets.storage.formats import read_table, writing

LABELLED_FILE = "labelled.parquet"


def labelled_before(store: Store, key: str, made_by: str) -> pl.DataFrame | None:
    """Open the labelled photos that what is published was made from; None: there is none, or it was made otherwise."""
    try:
        present = store.artefacts.open(key)
    except ArtefactError:
        return None
    return read_table(present.path(LABELLED_FILE)) if present.manifest.facts.get("made_by") == made_by else None


def publish_again(store: Store, key: str, metadata: Mapping[str, Any]) -> dg.MaterializeResult[Any]:
    """Publish once more what is published, so that what hangs on it stays fresh."""
    present = store.artefacts.open(key)
    contents = writing({name: present.path(name).read_bytes() for name in present.manifest.files})
    return publish(store, key, contents, facts=present.manifest.facts, metadata={**metadata, "kept": True})
