"""Our own MLflow store: a SQLite database in the state folder that is made, migrated and mended before it is used.

MLflow makes and migrates its tables in many steps, and a process that dies between two leaves a database that MLflow
refuses for ever. So both are done on a file aside, which then takes the database's place in one step.
"""

import atexit
import datetime as dt
import functools
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from imgsim_assets.errors import UserError
from imgsim_assets.storage.atomic import scratch_folder, sync_path

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

DATABASE = "mlflow.db"
ARTIFACTS = "mlflow-artifacts"
PATIENCE = 5.0  # seconds for another process that writes
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
BESIDE = ("-journal", "-wal", "-shm")  # what SQLite keeps beside a database
# Where MLflow notes an absolute place: what lies below the place of an experiment's artifacts.
PLACES = {
    "experiments": ["artifact_location"],
    "runs": ["artifact_uri"],
    "logged_models": ["artifact_location"],
    "model_versions": ["source", "storage_location"],
}

Health = Literal["sound", "old", "damaged"]


def address(state: Path) -> str:
    """Give the tracking URI of the store in a state folder."""
    return f"sqlite:///{_speakable(state.absolute()) / DATABASE}"


def artifacts(state: Path) -> str:
    """Give the place of the artifacts in a state folder, as a URI."""
    return (state.absolute() / ARTIFACTS).as_uri()


def make_ready(state: Path) -> list[str]:
    """Make the database, or mend, migrate and move what is there. The caller holds the store's lock.

    Returns:
        What was mended, in words; nothing where the store was sound, or there was none.

    Raises:
        sqlite3.Error, OSError: it cannot be read, or another process holds it, or the disk is full.
        UserError: a newer MLflow made it.
    """
    path = state.absolute() / DATABASE
    said: list[str] = []
    health = _health(path) if path.exists() and _size_with_journal(path) else None
    if health == "old":
        try:
            _replace(path, _migrated)
            said.append(f"{DATABASE} was of an older MLflow, or half made, and was migrated")
        except Exception:  # whatever a migration of half a database meets
            health = "damaged"
    if health == "damaged":
        said.append(f"{DATABASE} was damaged; it was put aside as {_put_aside(path)}, and a new one was made")
    if health is None or health == "damaged":
        _replace(path, _made)
    with _opened(path) as connection:
        connection.execute("BEGIN IMMEDIATE")  # refused at once where nothing can be written
        moved = _move(connection, artifacts(state))
        connection.commit()
    return said + ([f"its artifacts lay in another place, {moved}; they are looked for in this one"] if moved else [])


@functools.cache
def _speakable(folder: Path) -> Path:
    """Give a path that an address can hold: % and ? mean something in one, so such a folder gets a link as well."""
    if not {"%", "?"}.intersection(str(folder)):
        return folder
    link = Path(tempfile.mkdtemp(prefix="imgsim-")) / "state"
    link.symlink_to(folder, target_is_directory=True)
    atexit.register(shutil.rmtree, link.parent, ignore_errors=True)
    return link


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE)) as connection:
        connection.isolation_level = None
        yield connection


def _size_with_journal(path: Path) -> int:
    """A file without bytes is what a process leaves that died before the first table, unless a journal fills it."""
    return sum(one.stat().st_size for one in (path, *_companions(path)) if one.is_file())


def _companions(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in BESIDE]


def _health(path: Path) -> Health:
    try:
        with _opened(path) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return "damaged"
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "alembic_version" not in tables:
                return "damaged"
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE:
            return "damaged"
        raise
    if revision is None:
        return "damaged"
    return _by_schema(path, str(revision[0]), tables)


def _by_schema(path: Path, revision: str, tables: set[str]) -> Health:
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  it fills the list of tables
    from alembic.util import CommandError
    from mlflow.store.db.base_sql_model import Base

    migrations = _migrations()
    if [revision] == migrations.get_heads():
        return "sound" if tables.issuperset(Base.metadata.tables) else "damaged"
    try:
        migrations.get_revision(revision)
    except CommandError:
        raise UserError(
            f"an MLflow store in {path} of this MLflow or an older one",
            f"the unknown schema {revision}",
            f"install the MLflow that made it, or move {path} away",
        ) from None
    return "old"


@functools.cache
def _migrations() -> "ScriptDirectory":
    """Give the migrations of the installed MLflow: some fifty modules, read once."""
    import mlflow
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations"))


def _replace(path: Path, build: Callable[[Path, Path], None]) -> None:
    with scratch_folder(path.parent) as folder:
        built = folder / path.name
        build(path, built)
        sync_path(built)
        built.replace(path)
        sync_path(path.parent)


def _made(path: Path, built: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(_uri(path, built), artifacts(path.parent))  # type: ignore[no-untyped-call]


def _migrated(path: Path, built: Path) -> None:
    from mlflow.db import upgrade

    with _opened(path) as connection, closing(sqlite3.connect(built)) as copy:
        connection.backup(copy)
    if upgrade.callback is not None:
        with warnings.catch_warnings(action="ignore"):  # of what its migrations do to SQLite
            upgrade.callback(_uri(path, built))
    _made(path, built)  # MLflow's own check of the schema
    if _health(built) != "sound":
        raise ValueError("migrated, and tables are missing")


def _uri(path: Path, built: Path) -> str:
    return f"sqlite:///{_speakable(path.parent) / built.relative_to(path.parent)}"


def _put_aside(path: Path) -> str:
    name = f"{DATABASE}.damaged-{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S-%f}"
    for one in _companions(path):
        if one.exists():
            one.rename(one.with_name(name + one.name.removeprefix(DATABASE)))
    path.rename(path.with_name(name))
    return name


def _move(connection: sqlite3.Connection, here: str) -> str | None:
    """Let what an experiment of ours has kept elsewhere be looked for `here`: a state folder may be copied or moved."""
    found = connection.execute(
        "SELECT DISTINCT artifact_location FROM experiments WHERE artifact_location LIKE ?", [f"%/{ARTIFACTS}"]
    )
    others = [place for (place,) in found if place != here]
    for place in others:
        for table, columns in PLACES.items():
            for column in columns:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608  names of ours
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    [here, len(place) + 1, place, len(place) + 1, f"{place}/"],
                )
    return ", ".join(others) or None
