"""A materialization is a claim that something lies in the state folder: these are the claims that no longer hold."""

from collections.abc import Iterable, Sequence

from imgsim_assets.assets.delivery import PUBLICATION, PUBLISHED_FILES
from imgsim_assets.assets.edges import CANNY_MAPS, canny_fingerprint
from imgsim_assets.assets.embeddings import embedding_key, vector_folder, view_fingerprint
from imgsim_assets.errors import ArtefactError
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import published


def broken_claims(store: Store, settings: Settings, keys: Iterable[str]) -> set[str]:
    """Give those of `keys` whose artefact, publication or content-addressed rows are gone or cut short."""
    rows = {CANNY_MAPS: [canny_fingerprint(settings)]}
    for name, backbone in settings.backbones.items():
        folders = [vector_folder(view_fingerprint(settings, backbone, view)) for view in backbone.views]
        rows[embedding_key(name)] = folders
    return {key for key in keys if not _holds(store, key, rows.get(key, []))}


def _holds(store: Store, key: str, content_tables: Sequence[str]) -> bool:
    try:
        if key == PUBLICATION:
            folder = published(store.folder)
            return all((folder / name).is_file() for name in PUBLISHED_FILES)
        store.artefacts.open(key)
        return all(store.stored_table(folder) is not None for folder in content_tables)
    except ArtefactError:
        return False
