"""Materialize exactly what is stale: observe the folder, then run wave after wave until nothing is."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence

import dagster as dg
from filelock import FileLock, Timeout

from imgsim_assets.assets.claims import broken_claims
from imgsim_assets.assets.images import IMAGE_FOLDER, observe_folder
from imgsim_assets.errors import ArtefactError, ImgsimError, InputError, ModelError, SettingsError, UserError
from imgsim_assets.orchestration.outcome import SyncOutcome
from imgsim_assets.orchestration.staleness import (
    AssetStatus,
    Node,
    descendants,
    judge,
    next_wave,
    read_graph,
    read_records,
)
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import LINK
from imgsim_assets.vision.folder import read_folder

MATERIALIZE_JOB = "materialize"
SYNC_TAG = "imgsim/sync"
STATE_TAG = "imgsim/state"
PERSON_CAN_MEND: frozenset[str] = frozenset(
    kind.__name__ for kind in (UserError, InputError, ModelError, SettingsError)
)
OURS = PERSON_CAN_MEND | {ArtefactError.__name__, ImgsimError.__name__}

Announce = Callable[[str], None]


class SyncInProgressError(ImgsimError):
    """Another sync holds the state folder."""


def status(definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings) -> dict[str, AssetStatus]:
    """Look at the folder of photos and judge every asset; materializes nothing.

    Raises:
        InputError: the folder of photos cannot be used.
    """
    observe(instance, settings)
    graph = read_graph(definitions)
    return _judge_now(instance, graph, settings)


def observe(instance: dg.DagsterInstance, settings: Settings) -> None:
    """Record the present state of the folder of photos, if it is not the one last recorded.

    Raises:
        InputError: the folder of photos cannot be used.
    """
    read_folder(settings.places.data, settings.ingest)
    version = observe_folder(settings).value
    latest = instance.fetch_observations(dg.AssetKey(IMAGE_FOLDER), limit=1).records
    if not latest or latest[0].asset_observation is None or latest[0].asset_observation.data_version != version:
        instance.report_runless_asset_event(
            dg.AssetObservation(
                IMAGE_FOLDER, tags={"dagster/data_version": version}, metadata={"folder": str(settings.places.data)}
            )
        )


def sync(
    definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings, announce: Announce
) -> SyncOutcome:
    """Materialize what is stale, each asset at most once; what lies below a failure is left alone.

    Raises:
        InputError: the folder of photos cannot be used; nothing was run.
        SyncInProgressError: another sync is at work on the same state folder.
    """
    started = time.monotonic()
    lock = settings.places.state / "sync.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=0):
            outcome = _run_waves(definitions, instance, settings, announce)
    except Timeout as held:
        raise SyncInProgressError(
            "no other sync on this state folder", f"{lock} held by one", "wait for it to end, or use another --state"
        ) from held
    link = settings.places.state / LINK
    outcome.published = link if link.exists() else None
    outcome.seconds = time.monotonic() - started
    return outcome


def _run_waves(
    definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings, announce: Announce
) -> SyncOutcome:
    outcome = SyncOutcome()
    tags = {SYNC_TAG: uuid.uuid4().hex, STATE_TAG: str(settings.places.state.resolve())}
    _end_dead_runs(instance, tags[STATE_TAG])
    observe(instance, settings)
    graph = read_graph(definitions)
    while True:
        stopped = {*outcome.failed, *descendants(graph, outcome.failed)}
        statuses = _judge_now(instance, graph, settings)
        wave = [key for key in next_wave(graph, statuses) if key not in stopped and key not in outcome.materialized]
        if not wave:
            return outcome
        _announce_wave([statuses[key] for key in wave], announce)
        result = _run_wave(definitions, instance, wave, tags)
        done = {
            event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key
        }
        undone = [key for key in wave if key not in done]
        outcome.materialized += [key for key in wave if key in done]
        # What could not run because its parent did not is no failure of its own.
        outcome.failed += [key for key in undone if not set(graph[key].parents).intersection(undone)]
        _note_reasons(result, outcome)


def _announce_wave(wave: Sequence[AssetStatus], announce: Announce) -> None:
    missing = [status.key for status in wave if status.state == "missing"]
    if missing:
        announce(f"to make: {', '.join(missing)}")
    for status in wave:
        if status.state == "stale":
            announce(f"stale: {status.key}, because {'; '.join(status.causes)}")


def _judge_now(instance: dg.DagsterInstance, graph: Mapping[str, Node], settings: Settings) -> dict[str, AssetStatus]:
    """Judge by Dagster's records; what they claim and is not there is missing, whatever they say."""
    statuses = judge(graph, read_records(instance, graph))
    recorded = [key for key, status in statuses.items() if status.state != "missing"]
    for key in broken_claims(Store(state=str(settings.places.state)), settings, recorded):
        statuses[key] = AssetStatus(key, "missing", ("what it made is gone or damaged",))
    return statuses


def _end_dead_runs(instance: dg.DagsterInstance, state: str) -> None:
    """End the runs of syncs that were killed: they would hold their place in the pool for ever.

    Called under the lock of the state folder, so no other sync of it is alive.
    """
    unfinished = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    for run in instance.get_runs(dg.RunsFilter(statuses=unfinished, tags={STATE_TAG: state})):
        instance.report_run_failed(run, "the process of this sync died")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _run_wave(
    definitions: dg.Definitions, instance: dg.DagsterInstance, wave: list[str], tags: dict[str, str]
) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def(MATERIALIZE_JOB).execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey.from_user_string(key) for key in wave],
        run_config={"loggers": {"console": {}}},
        tags=tags,
        raise_on_error=False,
    )


def _note_reasons(result: dg.ExecuteInProcessResult, outcome: SyncOutcome) -> None:
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        cause = error.cause if error and error.cause else error
        if cause:
            outcome.reasons.append(f"{event.step_key}: {_words(cause.cls_name, cause.message)}")
            outcome.person_can_mend |= cause.cls_name in PERSON_CAN_MEND


def _words(class_name: str | None, message: str) -> str:
    """Undo Dagster's "package.module.Class: what it says" for errors whose words are meant for a person."""
    kind, _, words = message.strip().partition(": ")
    return words if class_name in OURS else f"{kind}: {words}"
