"""A folder that is named by what it holds: the same content is the same version and is never written twice."""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, Union

from imgsim_assets.errors import ArtefactError
from imgsim_assets.fingerprint import content_id, digest
from imgsim_assets.storage.atomic import move_folder, scratch_folder

JSON: TypeAlias = Union[str, int, float, bool, list["JSON"], dict[str, "JSON"], None]  # noqa: UP007 (it names itself)

VERSION = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class FileRecord:
    """What a manifest knows of one file."""

    bytes: int
    digest: str


def describe(folder: Path, digest_of: Callable[[Path], str] = content_id) -> dict[str, FileRecord]:
    """Name, size and content of every file below `folder`, by relative name.

    Raises:
        ArtefactError: something in it is neither a file nor a folder; a link would not move with it.
    """
    records = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ArtefactError(f"only files and folders in {folder}", f"{name}, which is neither", "write a file")
        if path.is_file():
            records[name] = FileRecord(path.stat().st_size, digest_of(path))
    return records


def version_of(records: Mapping[str, FileRecord], facts: Mapping[str, JSON]) -> str:
    """Name the content: 32 hexadecimal digits over file names, file digests and facts."""
    named = [part for name in sorted(records) for part in (name, records[name].digest)]
    return digest([*named, json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)])


def settle(built: Path, target: Path) -> bool:
    """Move the folder `built` to `target` unless the same content is there; False: it was there already.

    A `target` that was damaged since gives way. The caller holds the lock of `target`'s writers.
    """
    if target.is_dir():
        if describe(target) == describe(built):
            return False
        remove(target)
    move_folder(built, target)
    return True


def remove(folder: Path) -> None:
    """Take a folder away: out of sight in one step, then off the disk."""
    with scratch_folder(folder.parent) as aside:
        folder.rename(aside / folder.name)
        shutil.rmtree(aside / folder.name)


def prune(parent: Path, keep: int, current: str) -> list[str]:
    """Remove all versions in `parent` but the `keep` that were touched last; `current` always stays.

    Returns:
        The versions that were removed, oldest first.
    """
    if keep < 1:
        raise ValueError(f"at least the current version is kept, not {keep}")
    versions = [path for path in parent.iterdir() if VERSION.fullmatch(path.name) and path.is_dir()]
    others = sorted((path for path in versions if path.name != current), key=lambda path: path.stat().st_mtime_ns)
    dropped = others[: max(0, len(others) - (keep - 1))]
    for path in dropped:
        remove(path)
    return [path.name for path in dropped]


def touch(folder: Path) -> None:
    """Make `folder` the one that was used last, for `prune`."""
    os.utime(folder)
