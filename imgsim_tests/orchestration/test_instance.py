"""Where Dagster's records lie: in the state folder, or where a person said."""

import json
from pathlib import Path

import pytest

from imgsim_assets.errors import SettingsError
from imgsim_assets.orchestration import instance as module
from imgsim_assets.orchestration.instance import HOME_VARIABLE, open_instance, packaged, prepare_home
from imgsim_assets.orchestration.records import RUNS, TICKS


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, "")  # so that it is put back after what is set here


@pytest.mark.parametrize("named", [False, True])
def test_the_state_folder_is_the_home_unless_a_person_names_another(
    tmp_path: Path, named: bool, monkeypatch: pytest.MonkeyPatch
):
    state = tmp_path / "state"
    if named:  # as the command does for the processes that it starts
        monkeypatch.setenv(HOME_VARIABLE, str(state))
    assert prepare_home(state) == state
    assert (state / RUNS).is_file()
    assert (state / TICKS).is_file()
    known = json.loads((state / "dagster.yaml").read_text())
    assert "concurrency" in known
    assert not {"storage", "local_artifact_storage", "compute_logs"}.intersection(known)
    written = (state / "dagster.yaml").stat().st_mtime_ns
    assert prepare_home(state) == state
    assert (state / "dagster.yaml").stat().st_mtime_ns == written
    (state / "dagster.yaml").write_text("{}")
    prepare_home(state)
    assert json.loads((state / "dagster.yaml").read_text()) == known


def test_a_home_that_a_person_names_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home, state = tmp_path / "home", tmp_path / "state"
    home.mkdir()
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    assert prepare_home(state) == home
    assert list(home.iterdir()) == []
    assert not state.exists()


@pytest.mark.parametrize("given", ["relative", "/no/such/folder"])
def test_a_home_that_is_no_folder_is_refused(tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "relative").mkdir()
    monkeypatch.setenv(HOME_VARIABLE, given)
    with pytest.raises(SettingsError, match=f"absolute path of a folder in DAGSTER_HOME; found '{given}'"):
        prepare_home(tmp_path / "state")


def test_what_dagster_refuses_in_a_person_s_home_is_one_line_and_in_ours_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("nonsense: 1\n")
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    with pytest.raises(SettingsError, match=r"a dagster.yaml in .*home that Dagster accepts; found .*nonsense"):
        open_instance(tmp_path / "state")

    def refuse() -> None:
        raise RuntimeError("ours")

    monkeypatch.setenv(HOME_VARIABLE, "")
    monkeypatch.setattr(module.dg.DagsterInstance, "get", refuse)
    with pytest.raises(RuntimeError, match="ours"):
        open_instance(tmp_path / "state")


def test_a_file_that_the_package_lacks_is_named(tmp_path: Path):
    assert packaged("dagster.yaml").is_file()
    with pytest.raises(SettingsError, match=r"the file .*missing.yaml; found no such file"):
        packaged("missing.yaml")
