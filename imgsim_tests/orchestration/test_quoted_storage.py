"""Dagster finds its databases in a folder whose name means something in an address."""

import sqlite3
from pathlib import Path

import pytest

from imgsim_assets.orchestration.instance import HOME_VARIABLE, open_instance
from imgsim_assets.orchestration.quoted_storage import _address
from imgsim_assets.orchestration.records import RUNS, TICKS


@pytest.mark.parametrize("name", ["state", "100% of what? mine"])
def test_records_lie_in_the_state_folder_whatever_it_is_called(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(HOME_VARIABLE, "")
    state = tmp_path / name
    with open_instance(state) as instance:
        assert instance.get_runs() == []
    databases = {path.relative_to(state).as_posix() for path in state.rglob("*.db")}
    assert {RUNS, TICKS} <= databases
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with sqlite3.connect(state / RUNS) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    connection.close()


def test_an_address_is_quoted_and_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert _address("a%b?", "runs") == f"sqlite:///{tmp_path}/a%25b%3F/runs.db"
