"""A materialization is a claim that something lies in the state folder: these are the claims that no longer hold."""

from collections.abc import Iterable, Mapping, Sequence

from imgsim_assets.assets.keys import CANNY_MAPS, PUBLICATION, RAW_IMAGES, embedding_key
from imgsim_assets.errors import ArtefactError
from imgsim_assets.resources.store import Store
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.storage.content_damage import is_sound, mend
from imgsim_assets.storage.publication import whole_publication
from imgsim_assets.vision.content_names import canny_fingerprint, inspection_table, vector_folder, view_fingerprint


def content_tables(settings: Settings) -> Mapping[str, Sequence[str]]:
    """Name the content tables that each asset keeps its rows in, with these settings."""
    vectors = {
        embedding_key(name): [vector_folder(view_fingerprint(settings, one, view)) for view in one.views]
        for name, one in settings.backbones.items()
    }
    return {RAW_IMAGES: [inspection_table(settings)], CANNY_MAPS: [canny_fingerprint(settings)], **vectors}


def broken_claims(store: Store, settings: Settings, keys: Iterable[str]) -> set[str]:
    """Give those of `keys` whose artefact, publication or content-addressed rows are gone or damaged."""
    tables = content_tables(settings)
    # What is known of photos is asked for by raw_images alone, and found again when it runs.
    for name in tables[RAW_IMAGES]:
        is_sound(store.content / name, store.ledger)  # looked at, so that damage is known by the next sync
    broken = {key for key in keys if not _holds(store, key, tables.get(key, []) if key != RAW_IMAGES else [])}
    store.ledger.save()
    return broken


def mend_tables(store: Store, settings: Settings) -> list[str]:
    """Drop from damaged content tables what cannot be trusted, so that the assets that keep rows there run again.

    Called under the lock of the state folder.

    Returns:
        What was dropped, in words.
    """
    said = []
    for key, names in content_tables(settings).items():
        for name in names:
            folder = store.content / name
            if not is_sound(folder, store.ledger):
                if key != RAW_IMAGES:
                    store.artefacts.withdraw(key)  # first of all: it claims rows that will not be there
                mend(folder, store.ledger)
                said.append(f"{folder} was damaged: the rows of {key} that cannot be trusted are computed again")
    store.ledger.save()
    return said


def _holds(store: Store, key: str, tables: Sequence[str]) -> bool:
    try:
        if key == PUBLICATION:
            folder = whole_publication(store.folder)
            return all((folder / name).is_file() for name in layout.FILES)
        store.artefacts.open(key)
        return all(store.has_table(name) and is_sound(store.content / name, store.ledger) for name in tables)
    except ArtefactError:
        return False
