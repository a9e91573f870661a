"""Damage to a table of rows by content: found by digests of its files, and mended by dropping what cannot be trusted.

Lance has no checksum of its own: a byte that flips in a data file is another number in a vector. All files of a dataset
are written once and never changed, so a file that is not as it was first read is damaged.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from imgsim_assets.errors import ArtefactError
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.storage.lance_errors import damage_reported
from imgsim_assets.storage.ledger import Ledger
from imgsim_assets.storage.versioned_folder import remove

if TYPE_CHECKING:
    from lance import LanceDataset
    from lance.fragment import LanceFragment

DATA, VERSIONS = "data", "_versions"
HINT = f"{VERSIONS}/latest_version_hint.json"  # where Lance begins to look for the newest version
NAMES = (f"{DATA}/*", f"{VERSIONS}/*.manifest")  # of the files that are written once


def is_sound(folder: Path, ledger: Ledger) -> bool:
    """Tell whether a table is what was written to it, or nothing was; looks at times first, and changes nothing."""
    if not ContentTable.is_stored(folder):
        return True
    known = ledger.below(folder / DATA)
    if known and not any(path.exists() for path in known):  # another table has taken its place
        ledger.forget(ledger.below(folder))
    if not all(ledger.keeps(path) for path in _files(folder)):
        return False
    if not all(ledger.is_vouched(folder / part) for part in (DATA, VERSIONS)):
        if not _is_complete(folder):
            return False
        for part in (DATA, VERSIONS):
            ledger.vouch(folder / part)
    return True


def mend(folder: Path, ledger: Ledger) -> None:
    """Drop of a damaged table what cannot be trusted: its last commits, some of its rows, or all of it.

    Called under the lock of the state folder, by nobody else at work.
    """
    changed = [path for path in _files(folder) if not ledger.keeps(path)]
    for path in changed:
        path.unlink()
    ledger.forget(changed)
    (folder / HINT).unlink(missing_ok=True)
    dataset = _newest_that_opens(folder)
    if dataset is not None:
        with suppress(ArtefactError):  # then all of it goes
            _drop_fragments(dataset, folder)
    if not ContentTable.is_stored(folder) or not _is_complete(folder):
        ledger.forget(ledger.below(folder))
        remove(folder)


def _files(folder: Path) -> list[Path]:
    return sorted(path for name in NAMES for path in folder.glob(name) if path.is_file())


def _is_complete(folder: Path) -> bool:
    """Tell whether there are rows, every file that the newest version names is there, and its ids can be read."""
    try:
        table = ContentTable.stored(folder)
        if table is None:
            return False
        table.ids()
        fragments = _fragments(_opened(folder))
        return bool(fragments) and all(_is_there(one, folder) for one in fragments)
    except ArtefactError:
        return False


def _newest_that_opens(folder: Path) -> "LanceDataset | None":
    """Go back, version by version, to one that can be opened."""
    for manifest in sorted(folder.glob(f"{VERSIONS}/*.manifest"), key=lambda path: path.name):  # names count down
        try:
            dataset = _opened(folder)
            _fragments(dataset)
        except ArtefactError:
            manifest.unlink()
        else:
            return dataset
    return None


def _drop_fragments(dataset: "LanceDataset", folder: Path) -> None:
    from lance import LanceDataset, LanceOperation

    lost = [one.fragment_id for one in _fragments(dataset) if not _can_be_read(one, folder)]
    if lost:
        deletion = LanceOperation.Delete(updated_fragments=[], deleted_fragment_ids=lost, predicate="true")
        with damage_reported(folder):
            LanceDataset.commit(str(folder), deletion, read_version=dataset.version)


def _can_be_read(fragment: "LanceFragment", folder: Path) -> bool:
    try:
        with damage_reported(folder):
            return _is_there(fragment, folder) and bool(fragment.to_table().num_rows)
    except ArtefactError:
        return False


def _is_there(fragment: "LanceFragment", folder: Path) -> bool:
    return all((folder / DATA / file.path).is_file() for file in fragment.data_files())


def _opened(folder: Path) -> "LanceDataset":
    import lance

    with damage_reported(folder):
        return lance.dataset(folder)


def _fragments(dataset: "LanceDataset") -> "list[LanceFragment]":
    with damage_reported(Path(dataset.uri)):
        return list(dataset.get_fragments())
