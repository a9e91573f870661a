"""What assets could not do for reasons of the day: a photo was away, changed or not to be read. It is tried again.

What is true of a photo's bytes (it is damaged, a model gives no vector for it) is remembered. That its file could not
be read, or had other bytes than were catalogued, says nothing of it: the asset says how many such photos there were,
and is stale until it has had them.
"""

import time
from collections.abc import Collection, Iterable
from pathlib import Path

import polars as pl

from imgsim_assets.assets.keeping import open_table
from imgsim_assets.assets.keys import PUBLICATION, RAW_IMAGES
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.vision.away import AWAY
from imgsim_assets.vision.photo_file import OF_THE_DAY, can_be_read
from imgsim_assets.vision.scan import on_disk


def unsettled(store: Store, settings: Settings, keys: Iterable[str], patience: float = 0.0) -> dict[str, str]:
    """Say, for those of `keys` that have something to try again, what.

    Args:
        store: where their artefacts are, all of them whole.
        settings: where the photos are.
        keys: of assets.
        patience: seconds for which what was made is left as it is.
    """
    said = {}
    for key in keys:
        if key == PUBLICATION:
            continue  # looks at no photo, and is no artefact
        if patience and time.time() - store.artefacts.open(key).folder.stat().st_mtime < patience:
            continue
        if key == RAW_IMAGES:
            count, what = _readable_again(open_table(store, RAW_IMAGES), settings.places.data), "can be read now"
        else:
            count, what = int(str(store.artefacts.open(key).manifest.facts.get(AWAY, 0))), "could not be read"
        if count:
            said[key] = f"{count} {'photo' if count == 1 else 'photos'} that {what}"
    return said


def _readable_again(catalogue: pl.DataFrame, data: Path) -> int:
    refused: Collection[tuple[str, str]] = (
        catalogue.filter(pl.col("reason").is_in(list(OF_THE_DAY))).select("path", "reason").rows()
    )
    return sum(reason == "changed" or can_be_read(data / on_disk(path)) for path, reason in refused)
