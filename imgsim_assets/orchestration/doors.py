"""The doors that Dagster opens: the job `sync`, a sensor that keeps in sync, and a schedule that syncs at night.

`imgsim sync` and all of them materialize by the same rule; the sensor launches a run for each wave, the job is one run
that syncs: launched in the UI it is the one click that does what the command does.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

import dagster as dg
from filelock import Timeout

from imgsim_assets.errors import SettingsError
from imgsim_assets.fingerprint import digest
from imgsim_assets.orchestration.attempts import Attempts, Ending, state_of
from imgsim_assets.orchestration.dead_runs import end_dead_runs
from imgsim_assets.orchestration.sight import Sight, look, observe
from imgsim_assets.orchestration.staleness import Node, descendants, read_graph, read_records
from imgsim_assets.orchestration.sync import mend_what_died_left, sync
from imgsim_assets.orchestration.waves import MATERIALIZE_JOB, SYNC_TAG
from imgsim_assets.resources.console import is_interruption
from imgsim_assets.settings import Settings
from imgsim_assets.storage.state_lock import state_lock

SENSOR = "keep_in_sync"
SCHEDULE = "reindex"
SYNC_JOB = "sync"
JOBS = (MATERIALIZE_JOB, SYNC_JOB, "__ASSET_JOB")  # the last is Dagster's name for what is materialized by hand
TRY_AGAIN_AFTER = 3600.0  # seconds: what could not be read, while nothing in the folder changes
RUN_KEY_TAG = "dagster/run_key"
IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

Load = Callable[[], dg.Definitions]


def sensors(settings: Settings, load: Load, present: Callable[[], Settings]) -> list[dg.SensorDefinition]:
    """Build the sensor.

    Args:
        settings: those of the definitions.
        load: gives the definitions that it is part of.
        present: gives the settings as they are now: runs will read those, whatever this process has loaded.
    """
    chosen = settings.automation

    @dg.sensor(
        name=SENSOR,
        job_name=MATERIALIZE_JOB,
        minimum_interval_seconds=chosen.interval,
        default_status=dg.DefaultSensorStatus.RUNNING if chosen.sensor else dg.DefaultSensorStatus.STOPPED,
        description="Looks at the folder of photos, and materializes what is stale, a run for each wave.",
    )
    def keep_in_sync(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if present() != settings:
            return dg.SkipReason("the settings have changed since this code location was loaded: reload it")
        return look_and_request(load(), context.instance, settings, context.cursor)

    return [keep_in_sync]


def end_dead(instance: dg.DagsterInstance, settings: Settings) -> None:
    """End the runs that are said to be at work and have been dead for long, unless somebody is at work."""
    with suppress(Timeout):
        end_dead_runs(instance, settings.places.state, JOBS)


def look_and_request(
    definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings, cursor: str | None
) -> dg.SensorResult | dg.SkipReason:
    """Do what the sensor does at one look.

    Raises:
        InputError: the folder of photos cannot be used.
    """
    try:
        end_dead_runs(instance, settings.places.state, JOBS)
        with state_lock(settings.places.state).acquire(timeout=0):
            if in_flight := _runs_in_flight(instance):
                return dg.SkipReason(f"run {in_flight[0].run_id[:8]} is in flight")
            mend_what_died_left(settings)
            return _request(definitions, instance, settings, cursor)
    except Timeout:
        return dg.SkipReason("another run or sync is at work")


def _request(
    definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings, cursor: str | None
) -> dg.SensorResult:
    attempts = Attempts.model_validate_json(cursor) if cursor else Attempts()
    graph = read_graph(definitions)
    before = read_records(instance, graph)  # as they were when the last run ended: observing moves the folder's
    sight = look(definitions, instance, settings, observe(instance, settings), patience=TRY_AGAIN_AFTER)
    stale = [key for key, status in sight.statuses.items() if status.state != "fresh"]
    attempts = attempts.after(
        _endings(instance, graph, attempts, stale), {key: state_of(graph[key], before) for key in stale}
    )
    states = {key: state_of(graph[key], sight.records) for key in stale}
    given_up = attempts.given_up(states)
    wave = sight.wave({*given_up, *descendants(sight.graph, given_up)})
    if not wave:
        rest = attempts.model_copy(update={"sync": ""})
        return dg.SensorResult(skip_reason=_why_nothing(sight, given_up), cursor=rest.model_dump_json())
    attempts = attempts.model_copy(
        update={
            "sync": attempts.sync or uuid.uuid4().hex,
            "run_key": digest([attempts.run_key, *(part for key in wave for part in (key, states[key]))]),
            "requested": wave,
        }
    )
    request = dg.RunRequest(
        run_key=attempts.run_key,
        asset_selection=[dg.AssetKey.from_user_string(key) for key in wave],
        tags={SYNC_TAG: attempts.sync},
    )
    return dg.SensorResult(run_requests=[request], cursor=attempts.model_dump_json())


def sync_job(settings: Settings, load: Load) -> dg.JobDefinition:
    """Build the job with one step that syncs."""

    @dg.op(description="Look at the folder of photos, and materialize exactly what is stale, wave by wave.")
    def sync_all(context: dg.OpExecutionContext) -> None:
        outcome = sync(load(), context.instance, settings, context.log.info)
        if outcome.failed:
            raise dg.Failure(outcome.in_words(), allow_retries=False)
        context.log.info(outcome.in_words())

    @dg.job(
        name=SYNC_JOB,
        description="One click that brings all up to date and publishes it: what `imgsim sync` does. It looks at the "
        "folder of photos by itself, and materializes exactly what is stale, everything in its turn.",
        executor_def=dg.in_process_executor,
    )
    def sync_once() -> None:
        sync_all()

    return sync_once


def schedules(settings: Settings, load: Load) -> list[dg.ScheduleDefinition]:
    """Build the schedule of the job that syncs.

    Raises:
        SettingsError: the cron expression or the time zone is none.
    """
    chosen = settings.automation

    try:
        return [
            dg.ScheduleDefinition(
                name=SCHEDULE,
                job=sync_job(settings, load),
                cron_schedule=chosen.cron,
                execution_timezone=chosen.timezone,
                default_status=dg.DefaultScheduleStatus.RUNNING
                if chosen.schedule
                else dg.DefaultScheduleStatus.STOPPED,
                description="Launches the job `sync` at the times of automation.cron.",
            )
        ]
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(
            "a cron expression and a time zone in automation.cron and automation.timezone",
            f"{chosen.cron!r} and {chosen.timezone!r}",
            "write e.g. cron = '0 3 * * *', timezone = 'Europe/Berlin'",
        ) from error


def _runs_in_flight(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    found = (instance.get_runs(dg.RunsFilter(job_name=job, statuses=IN_FLIGHT), limit=1) for job in JOBS)
    return [run for runs in found for run in runs]


def _endings(
    instance: dg.DagsterInstance, graph: Mapping[str, Node], attempts: Attempts, stale: Collection[str]
) -> dict[str, Ending]:
    """Say how the last run ended for those of its assets that are still not fresh, as far as it came to them."""
    waiting = [key for key in attempts.requested if key in stale]
    runs = instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: attempts.run_key}), limit=1) if waiting else []
    if not runs:
        return {}
    logs = instance.all_logs(runs[0].run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    events = [log.dagster_event for log in logs if log.dagster_event is not None]
    failed = {event.step_key for event in events if not is_interruption(event)}
    if not failed:  # its process died, or somebody stopped it
        return dict.fromkeys(waiting, "interrupted")
    return {key: "failed" for key in waiting if graph[key].step in failed}


def _why_nothing(sight: Sight, given_up: set[str]) -> str:
    if given_up:
        return f"failed, and nothing that they depend on has changed since: {', '.join(sorted(given_up))}"
    if sight.held:
        return f"held back: {'; '.join(sight.held.values())}"
    return "all fresh"
