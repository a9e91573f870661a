"""imgsim in another Dagster project: beside that project's own assets, from a settings file in its folder."""

import contextlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest

from imgsim_assets.component import ImgsimComponent
from imgsim_assets.definitions import build_definitions
from imgsim_assets.errors import SettingsError
from imgsim_assets.settings_sources import load_settings
from imgsim_tests.workplace import ROOT, Workplace, clean_environment

MOUNTED = """
type: imgsim_assets.component.ImgsimComponent
attributes:
  config: {config}
"""
SETTINGS = """
[places]
data = "photos"
state = "../../../state"
"""
NEIGHBOUR = '''
import dagster as dg

@dg.asset(deps=["publication"])
def letters() -> None:
    """What another team makes of the publication."""

defs = dg.Definitions([letters], executor=dg.multiprocess_executor)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small Dagster project of somebody else, with imgsim mounted in `defs/images`."""
    root = tmp_path / "theirs"
    images = root / "src" / "theirs" / "defs" / "images"
    images.mkdir(parents=True)
    (images / "defs.yaml").write_text(MOUNTED.format(config="imgsim.toml"))
    (images / "imgsim.toml").write_text(SETTINGS)
    (images.parent / "letters.py").write_text(NEIGHBOUR)
    for package in (images.parent, images.parents[1]):
        (package / "__init__.py").touch()
    (root / "pyproject.toml").write_text(
        '[project]\nname = "theirs"\nversion = "0"\n'
        '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "theirs"\n'
    )
    (images.parents[1] / "definitions.py").write_text(
        "from pathlib import Path\nimport dagster as dg\n\n@dg.definitions\ndef defs():\n"
        "    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)\n"
    )
    return root


@contextlib.contextmanager
def loaded(project: Path) -> Iterator[dg.Definitions]:
    """Load the project as Dagster's component loader does; its modules alone are forgotten.

    A library whose modules are forgotten as well is loaded a second time, beside what others hold of the first.
    """
    try:
        with mock.patch.object(sys, "path", [str(project / "src"), *sys.path]):
            yield dg.load_from_defs_folder(path_within_project=project / "src" / "theirs")
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "theirs"]:
            del sys.modules[name]


def test_the_whole_graph_stands_beside_their_assets(project: Path):
    ours = build_definitions(load_settings(environ={}))
    with loaded(project) as found:
        keys = {key.to_user_string() for key in found.resolve_asset_graph().get_all_asset_keys()}
        jobs = {job.name for job in found.resolve_all_job_defs() if not job.name.startswith("__")}
        assert keys == {key.to_user_string() for key in ours.resolve_asset_graph().get_all_asset_keys()} | {"letters"}
        assert found.resolve_asset_graph().asset_check_keys == ours.resolve_asset_graph().asset_check_keys
        assert jobs == {"materialize", "observe", "sync"}
        assert [sensor.name for sensor in found.sensors] == ["keep_in_sync"]


def test_what_is_theirs_stays_theirs(project: Path):
    """Neither how their assets are run nor which of them are run is imgsim's to say."""
    with loaded(project) as found:
        assert found.executor is dg.multiprocess_executor
        assert found.loggers is None or "console" not in found.loggers
        job = found.resolve_job_def("materialize")
        assert job.executor_def is dg.in_process_executor
        selected = {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
        assert "publication" in selected
        assert "letters" not in selected


def test_paths_are_relative_to_the_files_that_name_them(project: Path):
    (project / "src" / "theirs" / "defs" / "images" / "imgsim.toml").rename(project / "ours.toml")
    (project / "src" / "theirs" / "defs" / "images" / "defs.yaml").write_text(
        MOUNTED.format(config="../../../../ours.toml")
    )
    with loaded(project) as found:
        assert found.resources["store"].state == str(project.parents[2] / "state")


def test_a_settings_file_that_is_not_there_is_named(project: Path):
    absent = project / "src" / "theirs" / "defs" / "images" / "imgsim.toml"
    absent.unlink()
    with pytest.raises(Exception, match="Error while building definitions") as caught, loaded(project):
        pass
    causes = [caught.value]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    (refused,) = [one for one in causes if isinstance(one, SettingsError)]
    assert str(absent) in str(refused)


def test_dagster_finds_it_by_the_entry_point():
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert points["dagster_dg_cli.registry_modules"] == {"imgsim": ImgsimComponent.__module__}


@pytest.mark.slow
def test_the_job_sync_publishes_from_there(synced: Workplace, project: Path):
    (project / "src" / "theirs" / "defs" / "images" / "defs.yaml").write_text(MOUNTED.format(config=synced.config))
    synced.config.write_text(synced.config.read_text().replace("queries = 3", "queries = 2"))
    before = synced.published.readlink()
    with synced.opened() as (_, instance), loaded(project) as found:
        assert found.resolve_job_def("sync").execute_in_process(instance=instance).success
    assert synced.published.readlink() != before


@pytest.mark.slow
def test_the_command_dg_lists_it(project: Path):
    environment = clean_environment() | {"DAGSTER_DISABLE_TELEMETRY": "yes", "COLUMNS": "200"}
    environment["PYTHONPATH"] = f"{ROOT}:{project / 'src'}"

    def dg_says(*words: str) -> str:
        command = [str(Path(sys.executable).parent / "dg"), *words]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "All definitions loaded successfully" in dg_says("check", "defs")
    assert ImgsimComponent.__name__ in dg_says("list", "components")
    text = dg_says("list", "defs", "--json")
    listed = json.loads(text[text.index("{") :])
    assert {"letters", "publication"} <= {asset["asset_key"] for asset in listed["assets"]}
