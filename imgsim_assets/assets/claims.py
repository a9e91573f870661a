"""A materialization is a claim that something lies in the state folder: these are the claims that no longer hold."""

from collections.abc import Iterable, Mapping, Sequence

from imgsim_assets.assets.delivery import PUBLICATION, PUBLISHED_FILES
from imgsim_assets.assets.edges import CANNY_MAPS, canny_fingerprint
from imgsim_assets.assets.embeddings import embedding_key, vector_folder, view_fingerprint
from imgsim_assets.assets.images import RAW_IMAGES, inspection_table
from imgsim_assets.errors import ArtefactError
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import whole_publication


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
    broken = {key for key in keys if not _holds(store, key, tables.get(key, []) if key != RAW_IMAGES else [])}
    store.ledger.save()
    return broken


def _holds(store: Store, key: str, tables: Sequence[str]) -> bool:
    try:
        if key == PUBLICATION:
            folder = whole_publication(store.folder)
            return all((folder / name).is_file() for name in PUBLISHED_FILES)
        store.artefacts.open(key)
        return all(store.has_table(name) for name in tables)
    except ArtefactError:
        return False
