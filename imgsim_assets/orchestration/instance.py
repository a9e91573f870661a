"""The Dagster instance that the command line and the UI share: its records lie in the state folder."""

import json
import os
import re
from pathlib import Path

import dagster as dg
from filelock import FileLock

import imgsim_assets
from imgsim_assets.errors import SettingsError
from imgsim_assets.storage.atomic import write_bytes

HOME_VARIABLE = "DAGSTER_HOME"
CONFIGURATION, WORKSPACE = "dagster.yaml", "workspace.yaml"
PLACE = re.compile(r"base_dir: \.imgsim(\S*)")


def prepare_home(state: Path) -> Path:
    """Give the folder to use as `DAGSTER_HOME`: the person's own if that variable is set, else `state`.

    In the second case the checkout's or the package's `dagster.yaml` is written there, its place filled in.

    Raises:
        SettingsError: there is no `dagster.yaml` to write.
    """
    if os.environ.get(HOME_VARIABLE):
        return Path(os.environ[HOME_VARIABLE])
    home = state.absolute()
    home.mkdir(parents=True, exist_ok=True)
    plain = packaged(CONFIGURATION).read_text("utf-8")
    text = PLACE.sub(lambda place: f"base_dir: {json.dumps(str(home) + place[1])}", plain)
    target = home / CONFIGURATION
    if not target.exists() or target.read_bytes() != text.encode():
        write_bytes(target, text.encode())
    return home


def open_instance(state: Path) -> dg.DagsterInstance:
    """Open the instance whose records lie in `state`; creates the folder.

    The variable is set for this process, because Dagster reads its home from there.
    """
    os.environ[HOME_VARIABLE] = str(prepare_home(state))
    state.mkdir(parents=True, exist_ok=True)
    with FileLock(state.absolute() / "instance.lock"):  # two processes must not both create the tables
        return dg.DagsterInstance.get()


def packaged(name: str) -> Path:
    """Find one of the files for Dagster that lie in the checkout, or else in the package.

    Raises:
        SettingsError: there is none.
    """
    package = Path(imgsim_assets.__file__).resolve().parent
    for folder in (package.parent, package):
        if (folder / name).is_file():
            return folder / name
    raise SettingsError(f"a {name}", f"none beside or in {package}", "install imgsim again")
