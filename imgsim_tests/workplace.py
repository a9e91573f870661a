"""A small folder of photos with its settings and its state, and what tests ask of them."""

import contextlib
import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import polars as pl

from imgsim_assets.assets.images.catalogue import observe_folder
from imgsim_assets.cli import main
from imgsim_assets.definitions import build_definitions
from imgsim_assets.orchestration import sight
from imgsim_assets.orchestration import sync as syncing
from imgsim_assets.orchestration.instance import open_instance
from imgsim_assets.orchestration.staleness import AssetStatus
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from imgsim_assets.cli import main; main()"]
OURS = ("IMGSIM_", "DAGSTER_HOME")


def clean_environment() -> dict[str, str]:
    """The environment without what would reach imgsim's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


@contextlib.contextmanager
def own_environment() -> Iterator[None]:
    """Undo what opening an instance sets."""
    with mock.patch.dict(os.environ, clean_environment(), clear=True):
        yield


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Workplace:
    """`photos/`, `tiny.onnx` and `imgsim.toml` in one folder, and the state in `state/`."""

    folder: Path

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def config(self) -> Path:
        return self.folder / "imgsim.toml"

    @property
    def published(self) -> Path:
        return self.state / "published"

    @property
    def store(self) -> Store:
        return Store(state=str(self.state))

    def copy_to(self, folder: Path, state: str = "state") -> "Workplace":
        """Copy it with its state, as if the photos in the copy were those that were looked at.

        The system gives every copied file a new ctime, so that a copy would be looked at anew.
        """
        copy = Workplace(Path(shutil.copytree(self.folder, folder, symlinks=True)))
        with copy.opened({"places": {"state": str(folder / state)}}) as (settings, instance):
            sight.observe(instance, settings)
            seen = {"dagster/input_data_version/image_folder": observe_folder(settings).value}
            for key in ("raw_images", "solution_labels"):
                made = instance.get_latest_materialization_event(dg.AssetKey(key)).asset_materialization
                instance.report_runless_asset_event(made._replace(tags={**made.tags, **seen}))
        return copy

    def settings(self, overrides: Mapping[str, Any] | None = None) -> Settings:
        return load_settings(config=self.config, overrides=overrides, environ={})

    @contextlib.contextmanager
    def opened(self, overrides: Mapping[str, Any] | None = None) -> Iterator[tuple[Settings, dg.DagsterInstance]]:
        settings = self.settings(overrides)
        with own_environment(), open_instance(settings.places.state) as instance:
            yield settings, instance

    def try_to_sync(
        self, overrides: Mapping[str, Any] | None = None, resources: Mapping[str, Any] | None = None
    ) -> syncing.SyncOutcome:
        with self.opened(overrides) as (settings, instance):
            return syncing.sync(build_definitions(settings, resources=resources), instance, settings, lambda _: None)

    def sync(self, overrides: Mapping[str, Any] | None = None) -> syncing.SyncOutcome:
        outcome = self.try_to_sync(overrides)
        assert outcome.failed == [], outcome.reasons
        return outcome

    def status(self, overrides: Mapping[str, Any] | None = None) -> dict[str, AssetStatus]:
        with self.opened(overrides) as (settings, instance):
            return sight.status(build_definitions(settings), instance, settings)

    def metadata(self, key: str) -> dict[str, Any]:
        """What the latest materialization of `key` told the UI."""
        with self.opened() as (_, instance):
            event = instance.get_latest_materialization_event(dg.AssetKey.from_user_string(key))
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}

    def table(self, key: str) -> pl.DataFrame:
        return pl.read_parquet(self.store.artefacts.open(key).path("table.parquet"))

    def submission(self) -> bytes:
        return (self.published / "submission.csv").read_bytes()

    def lists(self) -> dict[str, list[str]]:
        """Read submission.csv as a stranger would."""
        rows = csv.DictReader(io.StringIO(self.submission().decode()))
        return {row["image"]: row["recommendations"].split(" ") for row in rows}

    def run(self, *arguments: str) -> Done:
        """Run the command in this process: what it prints and the status it ends with."""
        out, err = io.StringIO(), io.StringIO()
        line = ["imgsim", *self._with_config(arguments)]
        status: Any = 0
        with (
            own_environment(),
            mock.patch.object(sys, "argv", line),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as leaving:
                status = leaving.code or 0
        return Done(status, out.getvalue(), err.getvalue())

    def run_apart(self, *arguments: str) -> Done:
        """Run the command in a process of its own."""
        done = subprocess.run(
            [*COMMAND, *self._with_config(arguments)],
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the command in a process of its own and do not wait."""
        return subprocess.Popen(
            [*COMMAND, *self._with_config(arguments)],
            cwd=ROOT,
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _with_config(self, arguments: tuple[str, ...]) -> list[str]:
        takes_one = (
            arguments[0] in {"sync", "status", "search", "compare", "versions", "rollback", "gc", "models"}
            and "--config" not in arguments
        )
        return [*arguments, "--config", str(self.config)] if takes_one else [*arguments]
