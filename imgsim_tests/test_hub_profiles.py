"""Every profile of published models from nothing to MAP@10: stand-ins of its models, on a hub that answers."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgsim_assets.settings_sources import PROFILES
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.vision.drawing.sample import write_sample
from imgsim_tests.hub_server import Hub, running_hub
from imgsim_tests.stand_ins import PLACES, push_profile
from imgsim_tests.workplace import ROOT, Done, clean_environment

PUBLISHED = sorted(path.stem for path in PROFILES.glob("*.toml") if re.search('"(hf|timm):', path.read_text()))
SETTINGS = f"""{PLACES}
[evaluation]
bootstrap = 200

[report]
queries = 3
thumbnail = 48
"""
# The interpreter tells of every address that Python code turns to, not of what compiled libraries do by themselves.
GUARDED = """
import os, sys

LOOPBACK = {"localhost", "127.0.0.1", "::1", "", None}

def note(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) else ""  # a socket of this machine has a path
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in LOOPBACK:
        with open(os.environ["FOREIGN"], "a") as file:
            file.write(f"{event} {host}\\n")

sys.addaudithook(note)
from imgsim_assets.cli import main
main()
"""


class Place:
    """A folder with photos and settings, and a cache of its own; commands run in it turn to the hub at `url`."""

    def __init__(self, folder: Path, profile: str, url: str) -> None:
        self.folder, self.profile, self.url = folder, profile, url
        (folder / "imgsim.toml").write_text(SETTINGS)

    def run(self, *words: str, **variables: str) -> Done:
        without = {name: value for name, value in clean_environment().items() if "proxy" not in name.lower()}
        own = {"HF_ENDPOINT": self.url, "HF_HOME": str(self.folder / "hf"), "FOREIGN": str(self.folder / "foreign")}
        places = ["--config", str(self.folder / "imgsim.toml"), "--profile", self.profile]
        done = subprocess.run(
            [sys.executable, "-c", GUARDED, *words, *places],
            cwd=ROOT,
            env={**without, **own, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @property
    def foreign(self) -> str:
        """What was turned to and is not this machine, a line each time."""
        noted = self.folder / "foreign"
        return noted.read_text() if noted.exists() else ""


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("profile", PUBLISHED)
def test_a_profile_goes_from_nothing_to_an_answer(profile: str, hub: Hub, tmp_path: Path):
    hub.asked.clear()
    commits = push_profile(hub, profile, tmp_path / "pushed")
    place = Place(tmp_path, profile, hub.url)
    write_sample(tmp_path / "photos", classes=6, train=5, test=2, seed=1)
    first = place.run("sync")
    assert first.status == 0, first.err
    assert "MAP@10" in first.out
    assert (tmp_path / "state" / "published" / "submission.csv").is_file()
    given = {path.rpartition("/")[2] for path in hub.paths() if "/resolve/" in path}
    assert given <= {"config.json", "preprocessor_config.json", "processor_config.json", "README.md"}
    weights = [path for path in hub.paths() if "/cdn/" in path]
    assert len(weights) == len(set(weights)) == len(commits)
    for repository, commit in commits.items():
        folder = tmp_path / "hf" / "hub" / f"models--{repository.replace('/', '--')}" / "snapshots" / commit
        assert (folder / "model.safetensors").is_file()

    listed = place.run("models", "list")
    assert listed.out.count("(stand-in)") == len(listed.out.splitlines())
    if profile == "clip":
        _goes_on_without(place)
    assert place.foreign == ""


def _goes_on_without(place: Place) -> None:
    """Hold that all that comes after the first answer needs no hub: here, and on a machine that never had one."""
    place.url, photos, offline = "http://127.0.0.1:9", place.folder / "photos", {"IMGSIM_RUNTIME__OFFLINE": "1"}
    found = place.run("search", str(next((photos / "test").iterdir())), "--json")
    assert found.status == 0, found.err
    carried = place.folder / "carried"
    exported = place.run("models", "export", str(carried), **offline)
    assert exported.status == 0, exported.err

    (place.folder / "other").mkdir()
    other = Place(place.folder / "other", place.profile, place.url)
    shutil.copytree(photos, other.folder / "photos")
    for words in (("models", "import", str(carried)), ("models", "verify"), ("sync",)):
        done = other.run(*words, **offline)
        assert done.status == 0, done.err
    assert vectors(other) == vectors(place)
    assert submission(other) == submission(place)
    assert other.foreign == ""


def vectors(place: Place) -> dict[str, list[dict[str, Any]]]:
    """Read all vectors, by the name of their table, which is that of what computed them."""
    tables = {folder.name: ContentTable.stored(folder) for folder in (place.folder / "state/content/vectors").iterdir()}
    rows = {name: table.read(sorted(table.ids())).to_pylist() for name, table in tables.items() if table}
    assert rows
    return rows


def submission(place: Place) -> bytes:
    return (place.folder / "state" / "published" / "submission.csv").read_bytes()


def test_an_address_elsewhere_would_have_been_noted(tmp_path: Path):
    place = Place(tmp_path, "small", "http://hub.invalid")
    done = place.run("models", "fetch")
    assert done.status == 2
    assert "the hub cannot be reached" in done.err
    assert "hub.invalid" in place.foreign
