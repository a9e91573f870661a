"""The sensor's looks, one by one, on a real instance; `test_daemon` has the daemon itself."""

import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from filelock import FileLock

from imgsim_assets.errors import SettingsError
from imgsim_assets.orchestration import dead_runs
from imgsim_assets.orchestration.attempts import MOST_INTERRUPTED
from imgsim_assets.orchestration.doors import (
    JOBS,
    RUN_KEY_TAG,
    SYNC_JOB,
    end_dead,
    look_and_request,
    schedules,
    sensors,
)
from imgsim_assets.orchestration.waves import MATERIALIZE_JOB, SYNC_TAG
from imgsim_assets.settings import Report
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.storage import state_lock
from imgsim_tests.orchestration.toy import SHAPE, Toy
from imgsim_tests.workplace import Workplace


class Watcher:
    """Plays the daemon: looks, keeps the cursor, and runs what is requested."""

    def __init__(self, toy: Toy) -> None:
        self.toy = toy
        self.cursor: str | None = None
        self.requested: list[dg.RunRequest] = []

    def look(self) -> dg.RunRequest | None:
        """Look once; give the request, if any."""
        found = look_and_request(self.toy.definitions(), self.toy.instance, self.toy.settings, self.cursor)
        if isinstance(found, dg.SkipReason):
            return None
        self.cursor = found.cursor
        self.requested += found.run_requests or []
        return found.run_requests[0] if found.run_requests else None

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        return (
            self.toy.definitions()
            .resolve_job_def(MATERIALIZE_JOB)
            .execute_in_process(
                instance=self.toy.instance,
                asset_selection=list(request.asset_selection or []),
                tags={**request.tags, RUN_KEY_TAG: request.run_key or ""},
                raise_on_error=False,
            )
        )

    def launch(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        """Record a run of the request on which no process works."""
        job = self.toy.definitions().resolve_job_def(MATERIALIZE_JOB)
        tags = {**request.tags, RUN_KEY_TAG: request.run_key or ""}
        return self.toy.instance.create_run_for_job(job, status=status, tags=tags)

    def die(self, request: dg.RunRequest) -> None:
        run = self.launch(request, dg.DagsterRunStatus.STARTED)
        self.toy.instance.report_run_failed(run, "the machine stopped")

    def until_quiet(self, most: int = 20) -> list[list[str]]:
        """Look and run until nothing is requested; give the waves."""
        waves = []
        for _ in range(most):
            request = self.look()
            if request is None:
                return waves
            waves.append([key.to_user_string() for key in request.asset_selection or []])
            self.run(request)
        raise AssertionError(f"it never ends: {waves}")


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


@pytest.fixture
def watcher(toy: Toy) -> Watcher:
    return Watcher(toy)


def test_all_missing_is_one_run_and_then_silence(toy: Toy, watcher: Watcher):
    assert [sorted(wave) for wave in watcher.until_quiet()] == [sorted(SHAPE)]
    assert toy.fresh() == SHAPE.keys()
    assert watcher.until_quiet() == []
    assert toy.sync().materialized == []


def test_a_change_runs_wave_by_wave_with_one_tag_and_stops_early(toy: Toy, watcher: Watcher):
    watcher.until_quiet()
    watcher.requested.clear()
    toy.code["left"] = "2"
    toy.content = lambda key: "other" if key == "left" else key
    assert watcher.until_quiet() == [["left"], ["low"]]  # low is the same again, so end rests
    assert len({request.tags[SYNC_TAG] for request in watcher.requested}) == 1
    assert len({request.run_key for request in watcher.requested}) == 2
    first = watcher.requested[0].tags[SYNC_TAG]
    toy.code["end"] = "2"
    watcher.until_quiet()
    assert watcher.requested[-1].tags[SYNC_TAG] != first


def test_it_skips_while_a_run_is_in_flight(toy: Toy, watcher: Watcher):
    waiting = toy.instance.create_run_for_job(
        toy.definitions().resolve_job_def(MATERIALIZE_JOB), status=dg.DagsterRunStatus.NOT_STARTED
    )
    assert watcher.look() is None
    toy.instance.delete_run(waiting.run_id)
    assert watcher.look() is not None


def test_it_skips_while_a_sync_is_at_work(toy: Toy, watcher: Watcher):
    toy.settings.places.state.mkdir()
    with FileLock(toy.settings.places.state / "sync.lock"):
        assert watcher.look() is None
    assert watcher.look() is not None


def test_what_fails_for_good_is_tried_once_in_each_state_and_the_rest_goes_on(toy: Toy, watcher: Watcher):
    toy.failing = {"left": RuntimeError("no luck")}
    watcher.until_quiet()
    assert toy.ran.count("left") == 1
    assert {"raw", "right"} <= set(toy.ran)
    assert watcher.until_quiet() == []  # once is enough

    toy.code["left"] = "2"
    watcher.until_quiet()
    assert toy.ran.count("left") == 2
    toy.code["raw"], toy.content = "2", lambda key: f"new {key}"
    watcher.until_quiet()
    assert toy.ran.count("left") == 3
    assert toy.ran.count("right") == 2
    assert not {"low", "end"} & set(toy.ran)

    toy.failing = {}
    assert watcher.until_quiet() == []  # nothing says that it would go well now; a person or `imgsim sync` tries
    assert toy.sync().failed == []
    assert toy.fresh() == SHAPE.keys()


def test_a_file_that_comes_while_it_fails_gives_it_another_try(toy: Toy, watcher: Watcher):
    toy.failing = {"raw": RuntimeError("no luck")}
    request = watcher.look()
    watcher.run(request)
    (toy.settings.places.data / "train" / "more.png").write_bytes(b"whatever")
    assert watcher.look() is not None
    toy.failing = {}
    watcher.run(watcher.requested[-1])
    watcher.until_quiet()
    assert toy.fresh() == SHAPE.keys()


def test_what_was_lost_after_it_was_fresh_is_made_again(toy: Toy, watcher: Watcher):
    watcher.until_quiet()
    for _ in range(2):
        toy.lose("low")
        assert watcher.until_quiet() == [["low"]]
        assert toy.fresh() == SHAPE.keys()


def test_a_step_that_was_interrupted_has_not_failed(toy: Toy, watcher: Watcher):
    """Somebody stopped the run, or the system that it was on: it is tried again, as one that died is."""
    toy.failing = {"left": dg.DagsterExecutionInterruptedError()}
    watcher.run(watcher.look())
    toy.failing = {}
    assert "left" in {key for wave in watcher.until_quiet() for key in wave}
    assert toy.fresh() == SHAPE.keys()


def test_a_run_that_dies_is_tried_again_but_not_for_ever(watcher: Watcher):
    for _ in range(MOST_INTERRUPTED):
        request = watcher.look()
        assert request is not None
        watcher.die(request)
    assert watcher.look() is None
    watcher.toy.code["raw"] = "2"
    watcher.until_quiet()
    assert watcher.toy.fresh() == SHAPE.keys()


def test_a_run_whose_process_was_killed_is_ended_and_tried_again(watcher: Watcher, monkeypatch):
    monkeypatch.setattr(dead_runs, "GRACE", 0.0)
    request = watcher.look()
    assert request is not None
    run = watcher.launch(request, dg.DagsterRunStatus.STARTED)  # and nobody is at work on it
    assert watcher.look() is not None
    assert watcher.toy.instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE


def test_a_run_of_a_sync_that_was_killed_before_it_started_is_ended_at_once(toy: Toy, watcher: Watcher):
    """A sync makes its runs under the lock of the state folder, so nobody will ever start this one."""
    job = toy.definitions().resolve_job_def(MATERIALIZE_JOB)
    tags = {dead_runs.STATE_TAG: str(toy.settings.places.state.resolve())}
    left = toy.instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED, tags=tags)
    assert watcher.look() is not None
    assert toy.instance.get_run_by_id(left.run_id).status == dg.DagsterRunStatus.FAILURE
    left = toy.instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED, tags=tags)
    assert sorted(toy.sync().materialized) == sorted(SHAPE)
    assert toy.instance.get_run_by_id(left.run_id).status == dg.DagsterRunStatus.FAILURE


def test_a_run_that_died_with_the_lock_is_ended_at_once_whoever_started_it(toy: Toy, watcher: Watcher):
    job = toy.definitions().resolve_job_def(MATERIALIZE_JOB)
    state = toy.settings.places.state
    run = toy.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    with state_lock.only_user(state), state_lock.held_by(state, run.run_id):
        assert watcher.look() is not None
    assert toy.instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    assert state_lock.died_holding(state) is None


def test_the_command_ends_a_run_that_was_killed_before_it_began(toy: Toy, monkeypatch):
    job = toy.definitions().resolve_job_def(MATERIALIZE_JOB)
    left = toy.instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED)
    end_dead(toy.instance, toy.settings)
    assert toy.instance.get_run_by_id(left.run_id).status == dg.DagsterRunStatus.NOT_STARTED  # it may be about to
    monkeypatch.setattr(dead_runs, "GRACE", 0.0)
    with FileLock(toy.settings.places.state / state_lock.LOCK):
        end_dead(toy.instance, toy.settings)
    assert toy.instance.get_run_by_id(left.run_id).status == dg.DagsterRunStatus.NOT_STARTED  # somebody is at work
    end_dead(toy.instance, toy.settings)
    assert toy.instance.get_run_by_id(left.run_id).status == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("job", JOBS)
def test_a_run_that_nobody_started_does_not_block_for_ever_but_a_queued_one_waits(toy: Toy, monkeypatch, job: str):
    monkeypatch.setattr(dead_runs, "GRACE", 0.0)
    definition = dg.JobDefinition(name=job, graph_def=dg.GraphDefinition(name=job))
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("imgsim"), "imgsim"), job)
    left, queued = (
        toy.instance.create_run_for_job(definition, status=status, remote_job_origin=origin)
        for status in (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED)
    )
    watcher = Watcher(toy)
    assert watcher.look() is None
    assert toy.instance.get_run_by_id(left.run_id).status == dg.DagsterRunStatus.FAILURE
    assert toy.instance.get_run_by_id(queued.run_id).status == dg.DagsterRunStatus.QUEUED
    toy.instance.delete_run(queued.run_id)
    assert watcher.look() is not None


def test_a_run_that_was_launched_a_moment_ago_is_not_dead(watcher: Watcher):
    request = watcher.look()
    assert request is not None
    run = watcher.launch(request, dg.DagsterRunStatus.STARTED)
    assert watcher.look() is None
    assert watcher.toy.instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize(("minutes", "status"), [(4.9, "STARTED"), (5.1, "FAILURE")])
def test_five_minutes_are_given_to_a_run_to_come_to_its_lock(
    watcher: Watcher, monkeypatch, minutes: float, status: str
):
    request = watcher.look()
    assert request is not None
    run = watcher.launch(request, dg.DagsterRunStatus.STARTED)
    clock = time.time
    monkeypatch.setattr(dead_runs.time, "time", lambda: clock() + 60 * minutes)
    watcher.look()
    assert watcher.toy.instance.get_run_by_id(run.run_id).status.value == status


def test_settings_that_changed_since_they_were_loaded_are_not_synced_half(toy: Toy):
    """A run would read the new ones, and the sensor would call what it made stale, again and again."""
    other = toy.settings.model_copy(update={"report": Report(queries=1)})
    for present, words in ((lambda: other, "reload it"), (lambda: toy.settings, None)):
        (sensor,) = sensors(toy.settings, toy.definitions, present)
        with dg.build_sensor_context(instance=toy.instance) as context:
            found = sensor(context)
        assert (words is None) == isinstance(found, dg.SensorResult)
        if isinstance(found, dg.SkipReason):
            assert words in (found.skip_message or "")


@pytest.mark.parametrize("on", [True, False])
def test_sensor_and_schedule_run_by_themselves_where_the_settings_say_so(on: bool):
    settings = load_settings(overrides={"automation": {"sensor": on, "schedule": on}}, environ={})
    (sensor,) = sensors(settings, dg.Definitions, lambda: settings)
    (schedule,) = schedules(settings, dg.Definitions)
    assert (sensor.default_status == dg.DefaultSensorStatus.RUNNING) == on
    assert (schedule.default_status == dg.DefaultScheduleStatus.RUNNING) == on


def test_a_schedule_that_is_none_is_refused(tmp_path: Path):
    for automation in ({"cron": "99 3 * * *"}, {"timezone": "Nowhere/Town"}):
        settings = load_settings(overrides={"automation": automation}, environ={})
        with pytest.raises(SettingsError, match=r"automation\.cron and automation\.timezone"):
            schedules(settings, dg.Definitions)


def test_the_job_syncs(unsynced: Workplace, synced_once: Workplace):
    with unsynced.opened() as (settings, instance):
        from imgsim_assets.definitions import build_definitions

        definitions = build_definitions(settings)
        assert definitions.resolve_schedule_def("reindex").cron_schedule == "0 3 * * *"
        assert definitions.resolve_job_def(SYNC_JOB).execute_in_process(instance=instance).success
    assert unsynced.submission() == synced_once.submission()
    assert unsynced.sync().materialized == []
