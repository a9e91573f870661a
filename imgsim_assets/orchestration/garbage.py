"""What lies in the state folder and nothing refers to any more: rows of settings long turned, assets long removed."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from imgsim_assets.assets.learning.fine_tuning import UNFINISHED
from imgsim_assets.errors import ArtefactError
from imgsim_assets.orchestration.claims import content_tables, recorded_tables
from imgsim_assets.orchestration.records import DAMAGED, REPORTS
from imgsim_assets.orchestration.staleness import read_graph
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.storage import versioned_folder
from imgsim_assets.storage.artefacts import MANIFEST
from imgsim_assets.storage.publication import LINK, is_whole, publications
from imgsim_assets.storage.state_lock import only_user
from imgsim_assets.storage.versioned_folder import VERSION
from imgsim_assets.vision.ready_backbone import ENGINES, engine_folder

ROWS = "_versions"  # a content table is a Lance dataset, which has this folder


@dataclass(frozen=True)
class Garbage:
    """Something that may go: where it lies in the state folder, why, and its size."""

    path: str
    why: str
    bytes: int


def find_garbage(definitions: dg.Definitions, settings: Settings, keep: int) -> list[Garbage]:
    """List what may go; touches nothing.

    Args:
        definitions: the graph of `settings`.
        settings: what they refer to stays, and what their assets recorded.
        keep: how many content tables of each kind stay that nothing refers to, those written last: turning a knob
            back to them costs nothing. Of older versions of an artefact none stays.
    """
    store = Store(state=str(settings.places.state))
    return [
        *_unused_rows(store, settings, keep),
        *_unused_engines(store, settings),
        *_unused_artefacts(store, definitions),
        *_given_up(store, definitions),
        *_damaged_publications(store),
        *_put_aside(store),
    ]


def remove_garbage(definitions: dg.Definitions, settings: Settings, keep: int) -> list[Garbage]:
    """Remove what `find_garbage` lists, each thing in one step, and give the list.

    Raises:
        SyncInProgressError: a sync or a run is at work on the state folder.
    """
    with only_user(settings.places.state):
        found = find_garbage(definitions, settings, keep)
        for one in found:
            folder = settings.places.state.absolute() / one.path
            versioned_folder.remove(folder)
            Path(f"{folder}.lock").unlink(missing_ok=True)
    return found


def _unused_rows(store: Store, settings: Settings, keep: int) -> Iterable[Garbage]:
    used = set(_used_rows(store, settings))
    kinds = sorted(path for path in store.content.glob("*") if path.is_dir())
    for kind in kinds:
        tables = [path for path in kind.iterdir() if (path / ROWS).is_dir()]
        unused = [path for path in tables if path.relative_to(store.content).as_posix() not in used]
        newest_first = sorted(unused, key=_last_written, reverse=True)
        for path in newest_first[keep:]:
            yield _garbage(store, path, f"no setting refers to these rows, and {keep} newer ones of their kind stay")


def _used_rows(store: Store, settings: Settings) -> Iterator[str]:
    for key, tables in content_tables(settings).items():
        yield from tables  # an interrupted sync goes on from there
        with suppress(ArtefactError):
            yield from recorded_tables(store.artefacts.open(key).manifest)


def _unused_engines(store: Store, settings: Settings) -> Iterable[Garbage]:
    """Networks exported of other weights, by other libraries or on another processor: made again where asked for."""
    used = {engine_folder(settings, name) for name in settings.backbones}
    for path in sorted((store.folder / ENGINES).glob("*")):
        if path not in used:
            yield _garbage(store, path, "an exported network that no backbone of the settings is")


def _unused_artefacts(store: Store, definitions: dg.Definitions) -> Iterable[Garbage]:
    graph = read_graph(definitions)
    for manifest in sorted(store.artefacts.root.rglob(MANIFEST)):
        place = manifest.parent
        if VERSION.fullmatch(place.name):
            continue
        key = place.relative_to(store.artefacts.root).as_posix()
        if key not in graph:
            yield _garbage(store, place, "no asset has this key any more")
            continue
        try:
            current = store.artefacts.open(key).manifest.version
        except ArtefactError:
            continue  # damaged: the next sync makes it again
        for path in sorted(place.iterdir()):
            if VERSION.fullmatch(path.name) and path.name != current:
                yield _garbage(store, path, "an older version of what the asset made")


def _given_up(store: Store, definitions: dg.Definitions) -> Iterable[Garbage]:
    """What was begun for an asset that no longer is."""
    graph = read_graph(definitions)
    begun = store.folder / UNFINISHED
    for path in sorted(begun.glob("*/*")):
        if path.relative_to(begun).as_posix() not in graph:
            yield _garbage(store, path, "begun for an asset that there is no more")


def _damaged_publications(store: Store) -> Iterable[Garbage]:
    """What can neither be rolled back to nor made again; the one that is published is made again by a sync."""
    link = store.folder / LINK
    current = link.readlink().name if link.is_symlink() else None
    for path in publications(store.folder):
        if path.name != current and not is_whole(path):
            yield _garbage(store, path, "an older publication that was damaged")


def _put_aside(store: Store) -> Iterable[Garbage]:
    for name in (DAMAGED, REPORTS):
        if (store.folder / name).is_dir():
            yield _garbage(store, store.folder / name, "kept for a report of what went wrong")


def _garbage(store: Store, path: Path, why: str) -> Garbage:
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return Garbage(path.relative_to(store.folder).as_posix(), why, size)


def _last_written(table: Path) -> int:
    return max(path.stat().st_mtime_ns for path in (table / ROWS).iterdir())
