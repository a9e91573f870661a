"""The Dagster instance that the command line and the UI share."""

import os
from pathlib import Path

import dagster as dg

import imgsim_assets
from imgsim_assets.errors import SettingsError

HOME_VARIABLE = "DAGSTER_HOME"
STATE_VARIABLE = "IMGSIM_STATE"


def instance_home() -> Path:
    """Return the folder of the `dagster.yaml` in force: the person's, the checkout's or the package's own.

    Raises:
        SettingsError: none of the three exists.
    """
    if HOME_VARIABLE in os.environ:
        return Path(os.environ[HOME_VARIABLE])
    package = Path(imgsim_assets.__file__).resolve().parent
    for folder in (package.parent, package):
        if (folder / "dagster.yaml").is_file():
            return folder
    raise SettingsError(
        "a dagster.yaml", f"none beside or in {package}", f"set {HOME_VARIABLE} to a folder that has one"
    )


def open_instance(state: Path) -> dg.DagsterInstance:
    """Open the instance whose records lie under `state`; creates the folder.

    The two variables are set for this process and its children, because `dagster.yaml` reads them.
    """
    state.mkdir(parents=True, exist_ok=True)
    os.environ[HOME_VARIABLE] = str(instance_home().resolve())
    os.environ[STATE_VARIABLE] = str(state.resolve())
    return dg.DagsterInstance.get()
