"""Write files, folders and links so that a reader sees the old one or the new one, never half of either.

All of it is built in a scratch folder beside the target, forced to disk and renamed. The scratch
folder is locked by the process that builds in it: the kernel lets the lock go when the process
dies, however it dies, so the next writer knows which ones may be swept away.
"""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

SCRATCH_PREFIX = ".tmp-"
NEWBORN_PREFIX = ".new-"
NEWBORN_SECONDS = 3600.0  # they are renamed within a moment
LOCK_NAME = "lock"


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give an empty folder on the file system of `parent`; what is not renamed out of it is removed.

    Leftovers of writers that died in `parent` are swept away first.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    home, lock = _claim(parent)
    try:
        content = home / "content"
        content.mkdir()
        yield content
    finally:
        shutil.rmtree(home, ignore_errors=True)
        lock.release()


def sweep(parent: Path) -> list[Path]:
    """Remove the scratch folders in `parent` whose writers are dead, and name them."""
    removed = []
    for home in parent.glob(f"{SCRATCH_PREFIX}*"):
        lock = FileLock(home / LOCK_NAME)
        # Another user's folder, or one that its owner removes at this moment, is not ours to mend.
        with suppress(OSError, Timeout), lock.acquire(blocking=False):
            shutil.rmtree(home)
            removed.append(home)
    for home in parent.glob(f"{NEWBORN_PREFIX}*"):
        with suppress(OSError):
            if time.time() - home.stat().st_mtime > NEWBORN_SECONDS:
                shutil.rmtree(home)
                removed.append(home)
    return removed


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what is there; the mode follows the umask."""
    with scratch_folder(path.parent) as folder:
        aside = folder / path.name
        aside.write_bytes(data)
        sync_path(aside)
        aside.replace(path)
        sync_path(path.parent)


def move_folder(built: Path, target: Path) -> None:
    """Force the folder `built` to disk and rename it to `target`, which must not exist or be empty."""
    sync_tree(built)
    built.rename(target)
    sync_path(target.parent)


def point_link(link: Path, target: Path) -> None:
    """Let the symbolic link `link` name `target`, in one step; a relative target is relative to the link's folder."""
    with scratch_folder(link.parent) as folder:
        aside = folder / link.name
        aside.symlink_to(target, target_is_directory=True)
        aside.replace(link)
        sync_path(link.parent)


def sync_tree(folder: Path) -> None:
    """Force every file below `folder`, and every folder, to disk."""
    for path in folder.rglob("*"):
        if not path.is_symlink():
            sync_path(path)
    sync_path(folder)


def sync_path(path: Path) -> None:
    """Force one file or one folder's list of names to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _claim(parent: Path) -> tuple[Path, FileLock]:
    """Make a scratch folder that is locked before it has the name that sweepers look for."""
    name = uuid.uuid4().hex
    newborn = parent / f"{NEWBORN_PREFIX}{name}"
    newborn.mkdir()
    lock = FileLock(newborn / LOCK_NAME)
    lock.acquire()
    return newborn.rename(parent / f"{SCRATCH_PREFIX}{name}"), lock
