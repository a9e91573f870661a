"""What Dagster, MLflow and Alembic do anew each time that they open a database, done once for all tests of a process.

Dagster makes an engine for each question, which forgets how the last one was spelt; Alembic reads all migrations for
each database. That is a third of a small sync. Processes that tests start do it all, as they do for people.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from unittest import mock

import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

DATABASES = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)


@contextmanager
def reused() -> Iterator[None]:
    """Share engines by address, and migrations by their folder; no connection outlives its question."""
    read, known = ScriptDirectory.from_config, {}

    @lru_cache(maxsize=64)
    def engine(address: str, poolclass: type, **options: float) -> sqlalchemy.Engine:
        return sqlalchemy.create_engine(address, poolclass=poolclass, connect_args=options)

    def shared(address: str, poolclass: type, connect_args: dict[str, float] | None = None) -> sqlalchemy.Engine:
        return engine(address, poolclass, **(connect_args or {}))

    def migrations(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in known:
            known[place] = read(config)
        return known[place]

    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(ScriptDirectory, "from_config", migrations))
        for module in DATABASES:
            patches.enter_context(mock.patch.object(module, "create_engine", shared))
        yield
