"""`imgsim bench incremental`: what a sync costs with nothing to do or a few new photos, and what Dagster costs."""

import inspect
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import dagster as dg

from imgsim_assets.definitions import build_definitions
from imgsim_assets.orchestration.instance import HOME_VARIABLE, open_instance
from imgsim_assets.orchestration.staleness import read_graph
from imgsim_assets.orchestration.waves import SYNC_TAG
from imgsim_assets.settings import Settings
from imgsim_assets.vision.drawing.sample import write_sample
from imgsim_bench.markdown import table_lines

CLASSES = 100
TEST_SHARE = 5  # every fifth photo is a test photo
NEW_SHARE = 100  # one new train photo for each hundred photos
IDLE_RUNS = 3


@dataclass(frozen=True)
class SyncTimes:
    """Seconds of whole processes for one number of photos, and how many vectors the new photos cost.

    `steps` and `steps_of_more` are the seconds of each step of the full sync and of the one with more photos.
    """

    photos: int
    full: float
    plain: float
    idle: float
    added: int
    more: float
    vectors_a_photo: int
    vectors_computed: int
    steps: dict[str, float] = field(default_factory=dict)
    steps_of_more: dict[str, float] = field(default_factory=dict)

    @property
    def orchestration(self) -> float:
        """What Dagster, its records and the waves add to the same functions called one after the other.

        The difference of two long runs, so it holds the noise of both; `outside_of_steps` is of one.
        """
        return self.full / self.plain - 1.0

    @property
    def outside_of_steps(self) -> float:
        """The share of the full sync in which no asset was at work: Python's start, Dagster and its records."""
        return 1.0 - sum(self.steps.values()) / self.full


def measure_incremental(settings: Settings, photos: int, *, plain: bool = True) -> SyncTimes:
    """Sync drawn photos from nothing, again, and with one per cent more; and call the same functions plainly.

    Args:
        settings: backbones and everything else; their places are replaced by a temporary folder.
        photos: how many are drawn, a fifth of them for test.
        plain: False: leave out the plain script (its time is then `nan`).
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        each = photos // CLASSES
        write_sample(place / "photos", CLASSES, each - each // TEST_SHARE, each // TEST_SHARE, seed=1)
        config = _write_settings(settings, place)
        full, _ = _timed_sync(config, place / "state")
        steps = _steps(place / "state")
        idle = median(_timed_sync(config, place / "state")[0] for _ in range(IDLE_RUNS))
        added = _add_photos(place / "photos", max(1, photos // NEW_SHARE))
        more, outcome = _timed_sync(config, place / "state")
        steps_of_more = _steps(place / "state")
        computed = _computed(settings, place / "state", outcome["materialized"])
        script = float("nan")
        if plain:
            _take_away(place / "photos")
            script = _timed([sys.executable, "-c", PLAIN, str(config), str(place / "plain")])
        views = sum(len(backbone.views) for backbone in settings.backbones.values())
        return SyncTimes(photos, full, script, idle, added, more, views, computed, steps, steps_of_more)


def in_markdown(measured: Sequence[SyncTimes]) -> str:
    """Write the measurements as a table for the docs."""
    head = (
        "photos", "full sync, s", "nothing changed, s", "+1% photos, s", "of a full sync", "vectors computed",
        "new photos × views", "over a plain script", "outside of steps",
    )  # fmt: skip
    rows = (
        (
            f"{one.photos:,}", f"{one.full:.0f}", f"{one.idle:.1f}", f"{one.more:.0f}", f"{one.more / one.full:.1%}",
            f"{one.vectors_computed:,}", f"{one.added * one.vectors_a_photo:,}", f"{one.orchestration:+.1%}",
            f"{one.outside_of_steps:.1%}",
        )
        for one in measured
    )  # fmt: skip
    return "\n".join(table_lines(head, rows))


COMMAND = "from imgsim_assets.cli import main; main()"
PLAIN = "import sys; from imgsim_bench.incremental import run_plainly; run_plainly(*sys.argv[1:])"


def run_plainly(config: str, state: str) -> None:
    """Call the functions of the assets one after the other: no Dagster run, no record, no staleness."""
    from imgsim_assets.settings_sources import load_settings

    settings = load_settings(config=Path(config), overrides={"places": {"state": state}})
    definitions = build_definitions(settings, resources={"require_fresh": lambda _: None, "times": lambda _: {}})
    assets = [one for one in definitions.assets or [] if isinstance(one, dg.AssetsDefinition) and one.is_executable]
    functions = {one.op.name: one.op.compute_fn.decorated_fn for one in assets}  # type: ignore[union-attr]
    graph = read_graph(definitions)
    # What an asset asks of its run: a log, and ids for MLflow.
    run = SimpleNamespace(run_id="plain", tags={})
    keys = {key for one in assets for key in one.keys}
    context = SimpleNamespace(log=logging.getLogger("plain"), run=run, instance=None, selected_asset_keys=keys)
    resources: dict[str, Any] = {"context": context, **(definitions.resources or {})}
    for step in dict.fromkeys(node.step for node in graph.values() if not node.external):
        function = functions[step]
        made = function(**{name: resources[name] for name in inspect.signature(function).parameters})
        if inspect.isgenerator(made):
            list(made)


def _write_settings(settings: Settings, place: Path) -> Path:
    """Write the settings as a file that the processes read, with the drawn photos in place of a person's."""
    chosen = settings.model_dump(mode="json", exclude={"places", "profile", "tracking"}, exclude_defaults=True)
    config = place / "settings.toml"
    config.write_text(_as_toml(chosen | {"places": {"data": str(place / "photos")}}), encoding="utf-8")
    return config


def _as_toml(stages: dict[str, Any]) -> str:
    """Write two levels of tables, which is what settings have."""
    lines: list[str] = []

    def table(name: str, values: dict[str, Any]) -> None:
        lines.append(f"[{name}]")
        lines.extend(f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None)

    for stage, values in stages.items():
        if stage == "backbones":
            for name, backbone in values.items():
                table(f"backbones.{name}", backbone)
        else:
            table(stage, values)
    return "\n".join(lines) + "\n"


def _timed_sync(config: Path, state: Path) -> tuple[float, dict[str, Any]]:
    line = [sys.executable, "-c", COMMAND, "sync", "--wait", "--json", "--config", str(config), "--state", str(state)]
    started = time.perf_counter()
    done = subprocess.run(line, capture_output=True, text=True, check=True)  # noqa: S603  our own program
    outcome: dict[str, Any] = json.loads(done.stdout)
    return time.perf_counter() - started, outcome


def _timed(line: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(line, capture_output=True, text=True, check=True)  # noqa: S603  our own program
    return time.perf_counter() - started


def _add_photos(photos: Path, count: int) -> int:
    """Draw other photos of the same classes into train, without labels, named so that `_take_away` finds them."""
    with tempfile.TemporaryDirectory() as scratch:
        write_sample(Path(scratch) / "more", CLASSES, max(1, -(-count // CLASSES)), 1, seed=2)
        drawn = sorted((Path(scratch) / "more" / "train").iterdir())[:count]
        for path in drawn:
            shutil.copyfile(path, photos / "train" / f"new_{path.name}")
    return len(drawn)


def _take_away(photos: Path) -> None:
    for path in (photos / "train").glob("new_*"):
        path.unlink()


def _in_instance(state: Path, look: Callable[[dg.DagsterInstance], Any]) -> Any:  # noqa: ANN401
    before = os.environ.get(HOME_VARIABLE)
    try:
        with open_instance(state) as instance:
            return look(instance)
    finally:  # the variable is set for the whole process
        os.environ.pop(HOME_VARIABLE, None)
        if before is not None:
            os.environ[HOME_VARIABLE] = before


def _computed(settings: Settings, state: Path, materialized: Sequence[str]) -> int:
    """Count the vectors that the latest materializations of the embeddings have computed."""

    def look(instance: dg.DagsterInstance) -> int:
        total = 0
        for name in settings.backbones:
            if f"embeddings/{name}" in materialized:
                event = instance.get_latest_materialization_event(dg.AssetKey(["embeddings", name]))
                assert event is not None and event.asset_materialization is not None  # noqa: S101, PT018
                total += int(str(event.asset_materialization.metadata["computed"].value))
        return total

    return int(_in_instance(state, look))


def _steps(state: Path) -> dict[str, float]:
    """Give the seconds of each step of the last sync, which is one run a wave."""

    def look(instance: dg.DagsterInstance) -> dict[str, float]:
        (last,) = instance.get_runs(limit=1)
        runs = instance.get_runs(dg.RunsFilter(tags={SYNC_TAG: last.tags[SYNC_TAG]}))
        stats = [one for run in runs for one in instance.get_run_step_stats(run.run_id)]
        return {one.step_key: one.end_time - one.start_time for one in stats if one.end_time and one.start_time}

    return dict(_in_instance(state, look))
