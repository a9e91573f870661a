"""The Dagster instance that the command line and the UI share: its records lie in the state folder."""

import json
import os
from importlib.resources import files
from pathlib import Path

import dagster as dg
import yaml
from filelock import FileLock

import imgsim_assets
from imgsim_assets.errors import SettingsError
from imgsim_assets.orchestration.records import make_whole, put_aside_damaged
from imgsim_assets.storage.atomic import write_bytes
from imgsim_assets.world import world_fault_in

HOME_VARIABLE = "DAGSTER_HOME"
CONFIGURATION, WORKSPACE = "dagster.yaml", "workspace.yaml"
LOCK = "instance.lock"
PLACED = ("storage", "local_artifact_storage", "compute_logs")  # where Dagster keeps them unasked is its home
QUOTED_STORAGE = {"module": "imgsim_assets.orchestration.quoted_storage", "class": "QuotedStorage"}


def prepare_home(state: Path) -> Path:
    """Give the folder to use as `DAGSTER_HOME`: the person's own if that variable is set, else `state`.

    In the second case the package's `dagster.yaml` is written there without the places that it names, and there
    are whole databases.

    Raises:
        SettingsError: there is no `dagster.yaml` to write, or the variable names no folder.
    """
    given, home = os.environ.get(HOME_VARIABLE), state.absolute()
    if given and Path(given) != home:
        home = Path(given)
        if not home.is_absolute() or not home.is_dir():
            mend = "make that folder, or unset the variable: records of runs then lie in the state folder"
            raise SettingsError(f"the absolute path of a folder in {HOME_VARIABLE}", repr(given), mend)
        return home
    home.mkdir(parents=True, exist_ok=True)
    text = _configuration(home)
    target = home / CONFIGURATION
    if not target.exists() or target.read_bytes() != text.encode():
        write_bytes(target, text.encode())
    with FileLock(home / LOCK):  # two processes must not both create the tables
        put_aside_damaged(home)
        make_whole(home, _create)
    return home


def _configuration(home: Path) -> str:
    known = yaml.safe_load(packaged(CONFIGURATION).read_text("utf-8"))
    kept = {name: part for name, part in known.items() if name not in PLACED}
    if {"%", "?"}.intersection(str(home)):
        kept["storage"] = {"custom": {**QUOTED_STORAGE, "config": {"base_dir": str(home)}}}
    return json.dumps(kept, indent=2)  # is YAML too


def _create(home: Path) -> None:
    write_bytes(home / CONFIGURATION, _configuration(home).encode())
    with dg.DagsterInstance.from_config(str(home)):
        pass


def open_instance(state: Path) -> dg.DagsterInstance:
    """Open the instance whose records lie in `state`; creates the folder.

    The variable is set for this process, because Dagster reads its home from there.

    Raises:
        SettingsError: Dagster does not accept the home that a person named.
    """
    home = prepare_home(state)
    os.environ[HOME_VARIABLE] = str(home)
    state.mkdir(parents=True, exist_ok=True)
    with FileLock(state.absolute() / LOCK):
        try:
            return dg.DagsterInstance.get()
        except Exception as error:
            if home == state.absolute():
                raise
            found = " ".join(str(error).split())[:300]
            mend = "mend that file, or unset DAGSTER_HOME: records of runs then lie in the state folder"
            raise world_fault_in(error) or SettingsError(
                f"a {CONFIGURATION} in {home} that Dagster accepts", found, mend
            ) from error


def packaged(name: str) -> Path:
    """Find one of the package's files for Dagster.

    Raises:
        SettingsError: there is none.
    """
    path = Path(str(files(imgsim_assets) / name))
    if not path.is_file():
        raise SettingsError(f"the file {path}", "no such file", "install imgsim again")
    return path
