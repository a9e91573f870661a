"""`make run` and `make ui` with stand-ins for the programs that they start: only what a person gives is passed on."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from imgsim_tests.workplace import ROOT, Workplace

STAND_IN = """#!/bin/sh
printf '%s|IMGSIM_DATA=%s|%s\\n' "$(basename "$0")" "$IMGSIM_DATA" "$*" >> "$LOG"
case "$*" in
    "home --tracking") echo "sqlite:////some where/mlflow.db" ;;
    ui*) until grep -q "^mlflow" "$LOG"; do sleep 0.1; done ;; # its end ends the other
esac
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on the PATH")


def make(folder: Path, *words: str, **variables: str) -> list[list[str]]:
    """Run make where nothing but the Makefile is; give what was started, with the variable and the arguments."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("imgsim", "mlflow", "dagster"):
        (programs / name).write_text(STAND_IN)
        (programs / name).chmod(0o755)
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("IMGSIM_", "MAKE", "DATA", "PROFILE"))
    }
    command = ["make", "-f", str(ROOT / "Makefile"), "-o", ".venv/.ready", f"BIN={programs}", "UI_PORT=1234", *words]
    environment = {**clean, "LOG": str(folder / "log"), **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(line.split("|") for line in (folder / "log").read_text().splitlines())


def test_run_leaves_the_folder_of_photos_to_the_settings(tmp_path: Path):
    assert make(tmp_path, "run", IMGSIM_CONFIG="light.toml") == [["imgsim", "IMGSIM_DATA=", "sync --sample"]]


def test_run_passes_on_what_a_person_gives(tmp_path: Path):
    started = make(tmp_path, "run", "DATA=my photos", "PROFILE=small")
    assert started == [["imgsim", "IMGSIM_DATA=", "sync --sample --data my photos --profile small"]]


@pytest.mark.parametrize(
    ("words", "variables", "expected"),
    [
        ([], {"IMGSIM_CONFIG": "light.toml"}, ""),
        ([], {"IMGSIM_DATA": "theirs"}, "theirs"),
        (["DATA=my photos"], {"IMGSIM_DATA": "theirs"}, "my photos"),
    ],
    ids=["neither", "the variable", "both"],
)
def test_ui_passes_on_what_a_person_gives(tmp_path: Path, words: list[str], variables: dict, expected: str):
    started = {(name, arguments): data for name, data, arguments in make(tmp_path, "ui", *words, **variables)}
    assert set(started.values()) == {f"IMGSIM_DATA={expected}"}
    assert ("imgsim", "ui --port 1234") in started
    (mlflow,) = [arguments for name, arguments in started if name == "mlflow"]
    assert mlflow.endswith("--backend-store-uri sqlite:////some where/mlflow.db")


@pytest.mark.slow
def test_the_sample_is_drawn_only_where_no_photos_are_named_or_there(unsynced: Workplace, monkeypatch):
    monkeypatch.chdir(unsynced.folder)
    drawn: list[Path] = []
    monkeypatch.setattr("imgsim_assets.vision.drawing.sample.write_sample", drawn.append)
    assert unsynced.run("sync", "--sample", "--data", "elsewhere").status == 2
    assert unsynced.run("sync", "--sample", "--state", "state", "--config", "imgsim.toml").status == 0
    assert drawn == []
    unsynced.photos.rename(unsynced.folder / "others")
    unsynced.config.write_text(unsynced.config.read_text().replace('data = "photos"', ""))
    assert unsynced.run("sync", "--sample").status == 2
    assert drawn == [Path("photos")]
    (unsynced.folder / "others").rename(unsynced.photos)
    assert json.loads(unsynced.run("sync", "--sample", "--json").out)["materialized"] == []
    assert drawn == [Path("photos")]
