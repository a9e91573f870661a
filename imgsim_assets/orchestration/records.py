"""Dagster's own databases in the state folder: made as a whole, and put aside where a disk or a kill has damaged them.

What they hold is when what was made, from what. It can be lost: everything is then made again, from the rows that are
kept by content.
"""

import logging
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from imgsim_assets.errors import ArtefactError
from imgsim_assets.storage.atomic import move_folder, scratch_folder

HISTORY, SCHEDULES = "history", "schedules"
RUNS, EVENTS, TICKS = f"{HISTORY}/runs.db", f"{HISTORY}/runs/index.db", f"{SCHEDULES}/schedules.db"
EVENTS_OF_RUNS = f"{HISTORY}/runs"
BESIDE = ("", "-wal", "-shm", "-journal")
DAMAGED, REPORTS = "damaged", "reports"  # folders in the state folder
STORAGE = "/dagster/_core/storage/"
PATIENCE = 30.0  # seconds, as Dagster's own


def make_whole(home: Path, create: Callable[[Path], None]) -> None:
    """Let `create` make the databases in another folder, and move them to `home` where there are none.

    Killed at any instant, it leaves none or whole ones.
    """
    if all((home / name).is_dir() for name in (HISTORY, SCHEDULES)):
        return
    with scratch_folder(home) as aside:
        create(aside)
        for name in (SCHEDULES, HISTORY):
            if not (home / name).exists():
                move_folder(aside / name, home / name)


def put_aside_damaged(home: Path) -> None:
    """Move each database that is damaged or half made to `damaged/`, and say so; Dagster makes a new one.

    Raises:
        sqlite3.OperationalError: one cannot be read for another reason.
    """
    names = [name for name in (RUNS, EVENTS, TICKS) if (home / name).exists() and not _is_sound(home / name)]
    names += [name for name in _left_open(home) if not _is_sound(home / name, stamped=False)]
    if not names:
        return
    place = home / DAMAGED / f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9}"
    for name in names:
        for path in (home / f"{name}{suffix}" for suffix in BESIDE):
            if path.exists():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                path.rename(place / path.relative_to(home))
    logging.getLogger("imgsim").warning(
        f"damaged: {', '.join(names)}, moved to {place}; records of earlier runs are lost, what was computed is kept"
    )


def records_fault(error: BaseException, state: Path | None) -> ArtefactError | None:
    """Recognise what cannot be read of Dagster's records by where it was read; None: it is something else."""
    frames = traceback.extract_tb(error.__traceback__)
    if not isinstance(error, _unreadable()) or not any(STORAGE in frame.filename for frame in frames):
        return None
    place = state / HISTORY if state else "the state folder's history/"
    found = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    mend = f"move {place} away and run `imgsim sync`: records of earlier runs are lost, what was computed is kept"
    return ArtefactError(f"whole records of Dagster in {place}", found, mend)


def _unreadable() -> tuple[type[Exception], ...]:
    from dagster_shared.serdes.errors import DeserializationError
    from sqlalchemy.exc import DatabaseError

    return (DatabaseError, sqlite3.DatabaseError, DeserializationError, ValueError)  # the last of JSON and of UTF-8


def _left_open(home: Path) -> Iterator[str]:
    """Name the databases of single runs that nobody closed: their process is at work, or was killed."""
    for path in sorted((home / EVENTS_OF_RUNS).glob("*.db-wal")):
        name = f"{EVENTS_OF_RUNS}/{path.name.removesuffix('-wal')}"
        if name != EVENTS and (home / name).exists():
            yield name


def _is_sound(path: Path, *, stamped: bool = True) -> bool:
    """Whether a database holds together and, where it must be `stamped`, was made to the end."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE)) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return False
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "alembic_version" not in tables:
                return not stamped
            return not stamped or connection.execute("SELECT version_num FROM alembic_version").fetchone() is not None
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return False
        raise
