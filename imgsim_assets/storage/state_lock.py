"""The lock of a state folder: one run at a time computes in it, whichever door it came through."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from imgsim_assets.errors import ImgsimError, SettingsError

LOCK, HOLDER = "sync.lock", "sync.holder"
PATIENCE = 1.0  # seconds: the sensor looks under the lock for a moment


class SyncInProgressError(ImgsimError):
    """Another sync or run holds the state folder."""


@contextmanager
def only_user(state: Path) -> Iterator[None]:
    """Hold the lock of the state folder, or leave.

    Raises:
        SyncInProgressError: somebody else holds it.
    """
    lock = state_lock(state)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout as held:
        raise SyncInProgressError(
            "no other sync or run on this state folder",
            f"{lock.lock_file} held by one",
            "wait for it to end, or use another --state",
        ) from held
    try:
        yield
    finally:
        lock.release()


@contextmanager
def held_by(state: Path, run_id: str) -> Iterator[None]:
    """Note, under the lock, which run works with it: one that is noted while nobody holds the lock has died."""
    note = state.absolute() / HOLDER
    note.write_text(run_id, encoding="ascii")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def died_holding(state: Path) -> str | None:
    """Give the run that held the lock when its process died; None: none did. Called under the lock."""
    try:
        return (state.absolute() / HOLDER).read_text(encoding="ascii", errors="replace")
    except OSError:
        return None


def require_folder(state: Path) -> None:
    """See to it that the state folder is a folder, or can become one.

    Raises:
        SettingsError: something else is in its place, or above it, or its path holds what no database's may.
        OSError: nobody may look.
    """
    if not str(state.absolute()).isprintable():
        raise SettingsError(
            "a path of letters, digits and signs for the state", repr(str(state)), "name another --state"
        )
    for path in (state.absolute(), *state.absolute().parents):
        if path.is_dir():
            return
        if path.exists() or path.is_symlink():
            what = "no folder" if path.exists() else "a link to nothing"
            raise SettingsError(f"a folder for the state at {state}", f"{path}: {what}", "name another --state")


def state_lock(state: Path) -> FileLock:
    """Give the lock of the state folder, which this process may take several times; creates the folder.

    The system lets it go when the process that holds it ends, however it ends.
    """
    state.mkdir(parents=True, exist_ok=True)
    return FileLock(state.absolute() / LOCK, is_singleton=True, thread_local=False)
