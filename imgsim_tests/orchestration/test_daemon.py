"""The real daemon: what it launches by itself, how often, and that a photo dropped in the folder gets published."""

import io
import json
import subprocess
import time
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from imgsim_assets.orchestration.doors import SENSOR, SYNC_JOB
from imgsim_assets.orchestration.instance import open_instance
from imgsim_assets.orchestration.waves import MATERIALIZE_JOB, SYNC_TAG
from imgsim_tests.broken_files import picture
from imgsim_tests.dagster_server import BIN, ROOT, clean_environment, copy_clone, dagster_dev, imgsim
from imgsim_tests.servers import poll
from imgsim_tests.vision.folders import flat_folder
from imgsim_tests.workplace import Workplace, own_environment

pytestmark = pytest.mark.slow

AUTOMATION = """
[automation]
sensor = true
interval = 1
schedule = true
cron = "* * * * *"
"""


def published_names(workplace: Workplace) -> set[str]:
    gallery = workplace.published / "bundle" / "gallery.parquet"
    # Read in one go: the folder is replaced while this looks, and polars opens a path twice.
    return set(pl.read_parquet(io.BytesIO(gallery.read_bytes()))["name"]) if gallery.is_file() else set()


def runs(workplace: Workplace, **filters) -> list[dg.DagsterRun]:
    with own_environment(), open_instance(workplace.state) as instance:
        return instance.get_runs(dg.RunsFilter(**filters))


def is_fresh(workplace: Workplace) -> bool:
    """Whether nothing is in flight and nothing is left to do."""
    told = json.loads(imgsim(workplace.folder, workplace.state, "status", "--json"))
    return all(run.is_finished for run in runs(workplace)) and {one["state"] for one in told.values()} == {"fresh"}


def test_a_dropped_photo_is_published_with_no_human_hand(unsynced: Workplace, tmp_path: Path):
    with unsynced.config.open("a") as file:
        file.write(AUTOMATION)
    home = imgsim(unsynced.folder, unsynced.state, "home").strip()
    environment = clean_environment(
        tmp_path / "home", DAGSTER_HOME=home, IMGSIM_CONFIG=unsynced.config, IMGSIM_STATE=unsynced.state
    )
    with dagster_dev(copy_clone(tmp_path / "clone"), environment):
        poll(lambda: published_names(unsynced), "a first publication")
        picture(77).save(unsynced.photos / "train" / "dropped.png")
        poll(lambda: "dropped.png" in published_names(unsynced), "the dropped photo to be published")
        done = {"job_name": SYNC_JOB, "statuses": [dg.DagsterRunStatus.SUCCESS]}
        poll(lambda: runs(unsynced, **done), "the schedule to have ticked")
        poll(lambda: is_fresh(unsynced), "the waves after the publication")
    launched = runs(unsynced, job_name=MATERIALIZE_JOB)
    assert {run.status for run in launched} == {dg.DagsterRunStatus.SUCCESS}
    assert not list(unsynced.state.glob("*.csv"))
    assert unsynced.sync({"automation": {"sensor": False}}).materialized == []


TOY = '''
"""Five small assets of the tests, one of them slow, with the doors of imgsim."""
import os
import time
from pathlib import Path

import dagster as dg

from imgsim_assets.assets.images.catalogue import IMAGE_FOLDER
from imgsim_assets.assets.keeping import keep
from imgsim_assets.orchestration.doors import sensors
from imgsim_assets.orchestration.waves import MATERIALIZE_JOB
from imgsim_assets.resources.store import Store
from imgsim_assets.settings_sources import load_settings

SHAPE = {"raw": [IMAGE_FOLDER], "left": ["raw"], "right": ["raw"], "low": ["left"], "end": ["low", "right"]}
FOLDER = Path(os.environ["TOY_FOLDER"])


def asset(key, deps):
    @dg.asset(key=key, deps=deps, code_version="1")
    def one(store: Store):
        with (FOLDER / "ran.txt").open("a") as file:
            file.write(key + "\\n")
        if key == "left":
            time.sleep(12)
        if key == "right" and (FOLDER / "broken").exists():
            raise RuntimeError("no luck")
        names = sorted(path.name for path in (FOLDER / "train").iterdir())
        return keep(store, key, lambda folder: (folder / "content.txt").write_text(" ".join(names)))

    return one


settings = load_settings(
    overrides={
        "places": {"data": str(FOLDER), "state": os.environ["IMGSIM_STATE"]},
        "automation": {"sensor": True, "interval": 1},
        "submission": {"count": 1},
    }
)
defs = dg.Definitions(
    assets=[dg.AssetSpec(IMAGE_FOLDER), *(asset(key, deps) for key, deps in SHAPE.items())],
    jobs=[dg.define_asset_job(MATERIALIZE_JOB, dg.AssetSelection.all())],
    sensors=sensors(settings, lambda: defs, lambda: settings),
    resources={"store": Store(state=str(settings.places.state))},
    executor=dg.in_process_executor,
)
'''


def test_the_sensor_launches_one_run_a_wave_while_a_slow_asset_is_in_flight(tmp_path: Path):
    workplace = Workplace(tmp_path)
    photos = flat_folder(tmp_path / "toy")
    (tmp_path / "toy_definitions.py").write_text(TOY)
    home = subprocess.run(
        [BIN / "imgsim", "home", "--data", photos, "--state", workplace.state],
        cwd=tmp_path, env=clean_environment(tmp_path / "home"), capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    environment = clean_environment(
        tmp_path / "home", DAGSTER_HOME=home, IMGSIM_STATE=workplace.state, TOY_FOLDER=photos, PYTHONPATH=ROOT
    )
    arguments = ("-f", str(tmp_path / "toy_definitions.py"))

    def ended() -> list[dg.DagsterRun]:
        found = runs(workplace, job_name=MATERIALIZE_JOB)
        return found if found and all(run.is_finished for run in found) else []

    def quiet(count: int) -> bool:
        return len(ended()) == count and len(looks(workplace)) > 0 and _stays(lambda: len(ended()) == count)

    with dagster_dev(copy_clone(tmp_path / "clone"), environment, arguments):
        poll(lambda: quiet(1), "the first run, and no second one")
        (photos / "train" / "more.png").write_bytes(b"whatever")
        poll(lambda: quiet(4), "one run for each of the three waves")
        (photos / "broken").touch()
        (photos / "train" / "most.png").write_bytes(b"whatever")
        poll(lambda: quiet(7), "raw, then left and right, then what is not below the failure")
    launched = runs(workplace, job_name=MATERIALIZE_JOB)
    assert len({run.tags[SYNC_TAG] for run in launched}) == 3
    ran = (photos / "ran.txt").read_text().split()
    assert ran.count("left") == 3
    assert ran.count("right") == 3, "what fails is tried once"
    assert ran.count("low") == 3
    assert ran.count("end") == 2


def looks(workplace: Workplace) -> list[object]:
    """The looks of the sensor that the daemon has noted."""
    with own_environment(), open_instance(workplace.state) as instance:
        states = [one for one in instance.all_instigator_state() if one.name == SENSOR]
        return [one for one in states if one.instigator_data and one.instigator_data.last_tick_timestamp]


def _stays(holds, seconds: float = 12.0) -> bool:
    """Whether something holds, and still does after two looks of the daemon."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not holds():
            return False
        time.sleep(1)
    return True
