"""A real `imgsim ui` or `dagster dev` (web server and daemon), started from what it reads of a fresh clone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imgsim_tests.servers import Server, running_server

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
READ_BY_DAGSTER = ("dagster.yaml", "workspace.yaml", "pyproject.toml")


def clean_environment(home: Path, **variables: str | Path) -> dict[str, str]:
    """Give this environment without a person's settings, with a home folder of its own."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("IMGSIM_", "DAGSTER_", "MLFLOW_"))
    }
    home.mkdir(exist_ok=True)
    given = {name: str(value) for name, value in variables.items()}
    return {**kept, "HOME": str(home), "MLFLOW_DISABLE_TELEMETRY": "true", **given}


def imgsim(workplace: Path, state: Path, *words: str) -> str:
    command = [str(BIN / "imgsim"), *words, "--config", "imgsim.toml", "--state", str(state)]
    environment = clean_environment(workplace / "home")
    done = subprocess.run(command, cwd=workplace, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def copy_clone(folder: Path) -> Path:
    """Make the folder in which `dagster dev` is started: what it reads of a fresh clone, and nothing else."""
    folder.mkdir()
    for name in READ_BY_DAGSTER:
        shutil.copy(ROOT / name, folder)
    return folder


@contextmanager
def dagster_dev(clone: Path, environment: dict[str, str], arguments: Sequence[str] = ()) -> Iterator[Server]:
    command = [str(BIN / "dagster"), "dev", "--host", "127.0.0.1", "--port", "{port}", *arguments]
    with running_server(command, asset_nodes, clone, environment, clone.parent / "dagster.log") as server:
        yield server


@contextmanager
def guarded_ui(clone: Path, environment: dict[str, str]) -> Iterator[Server]:
    command = [str(BIN / "imgsim"), "ui", "--port", "{port}"]
    with running_server(command, asset_nodes, clone, environment, clone.parent / "ui.log") as server:
        yield server


def graphql(server: Server, query: str):
    answer = server.json("/graphql", {"query": query})
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def asset_nodes(server: Server) -> dict[str, tuple[str, set[str], str]]:
    """Ask the server for each asset's group, kinds and description."""
    nodes = graphql(server, "{assetNodes{assetKey{path} groupName kinds description}}")["assetNodes"]
    return {
        "/".join(node["assetKey"]["path"]): (node["groupName"], set(node["kinds"]), node["description"])
        for node in nodes
    }
