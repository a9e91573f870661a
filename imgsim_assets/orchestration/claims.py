"""A materialization is a claim that something lies in the state folder: these are the claims that no longer hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from imgsim_assets.assets.keys import CANNY_MAPS, PUBLICATION, RAW_IMAGES, embedding_key
from imgsim_assets.errors import ArtefactError
from imgsim_assets.resources.store import Store
from imgsim_assets.serving import layout
from imgsim_assets.serving.provisional import ProvisionalSettings, is_provisional
from imgsim_assets.settings import Settings
from imgsim_assets.storage.artefacts import Manifest
from imgsim_assets.storage.content_damage import is_sound, mend
from imgsim_assets.storage.publication import whole_publication
from imgsim_assets.vision.content_names import canny_fingerprint, inspection_table, vector_folder, view_fingerprint


def content_tables(settings: Settings) -> Mapping[str, Sequence[str]]:
    """Name the content tables that each asset will write with these settings; readers look into the manifest instead.

    Before a run they are mended, and what lies there for it is no garbage.
    """
    vectors = {
        embedding_key(name): [vector_folder(view_fingerprint(settings, one, view)) for view in one.views]
        for name, one in settings.backbones.items()
    }
    return {RAW_IMAGES: [inspection_table(settings)], CANNY_MAPS: [canny_fingerprint(settings)], **vectors}


def recorded_tables(manifest: Manifest) -> list[str]:
    """Name the content tables that an asset recorded to have its rows in."""
    facts: Mapping[str, Any] = manifest.facts
    edges = [facts["fingerprint"]] if "fingerprint" in facts else []
    return [*edges, *map(vector_folder, facts.get("fingerprints", {}).values())]


def broken_claims(store: Store, settings: Settings, claims: Mapping[str, str]) -> set[str]:
    """Give the keys of those claims whose artefact, publication or content-addressed rows are gone or damaged.

    Args:
        store: where they are.
        settings: that the claims were made with.
        claims: the data version that was recorded, by key.
    """
    # What is known of photos is asked for by raw_images alone, and found again when it runs.
    is_sound(store.content / inspection_table(settings), store.ledger)  # so that damage is known by the next sync
    broken = {key for key, version in claims.items() if not _holds(store, settings, key, version)}
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


def _holds(store: Store, settings: Settings, key: str, version: str) -> bool:
    try:
        if key == PUBLICATION:  # that of another version was rolled back to
            folder = whole_publication(store.folder)
            as_claimed = is_provisional(folder) == isinstance(settings, ProvisionalSettings)
            return as_claimed and all((folder / name).is_file() for name in layout.FILES)
        manifest = store.artefacts.open(key).manifest
    except ArtefactError:
        return False
    # Killed between keeping and recording, an asset leaves another version than it claims, of other rows.
    same = manifest.version == version
    return same and all(
        store.has_table(name) and is_sound(store.content / name, store.ledger) for name in recorded_tables(manifest)
    )
