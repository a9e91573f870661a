"""Dagster's storage for a state folder with % or ? in its path, which mean something in the addresses of databases.

Dagster writes the path into an address as it is, and would find another folder there.
"""

from pathlib import Path
from urllib.parse import quote

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

ADDRESS = "create_db_conn_string"


class QuotedStorage(DagsterSqliteStorage):
    """Dagster's own, whose addresses are quoted; `dagster.yaml` names it."""


def _address(base_dir: str, db_name: str) -> str:
    return f"sqlite:///{quote(str((Path(base_dir) / f'{db_name}.db').absolute()))}"


for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
    setattr(module, ADDRESS, _address)
