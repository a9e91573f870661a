"""Materialize exactly what is stale: observe the folder, then run wave after wave until nothing is."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence

import dagster as dg

from imgsim_assets import stopping
from imgsim_assets.assets.keys import embedding_key
from imgsim_assets.errors import (
    ArtefactError,
    GateError,
    ImgsimError,
    InputError,
    ModelError,
    SettingsError,
    UserError,
    WorldError,
)
from imgsim_assets.orchestration.claims import mend_tables
from imgsim_assets.orchestration.dead_runs import STATE_TAG, end_dead_syncs
from imgsim_assets.orchestration.interruption import ending_with_process, was_interrupted
from imgsim_assets.orchestration.outcome import SyncOutcome
from imgsim_assets.orchestration.sight import Sight, look, observe
from imgsim_assets.orchestration.staleness import (
    AssetStatus,
    descendants,
)
from imgsim_assets.progress import Steps, showing
from imgsim_assets.resources.console import named
from imgsim_assets.resources.measuring import MLFLOW_SAYS, finish_tracking, leave_tracking
from imgsim_assets.resources.store import Store
from imgsim_assets.secrets import masked
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import LINK
from imgsim_assets.storage.state_lock import only_user
from imgsim_assets.vision.backbones.readiness import require_models
from imgsim_assets.world import in_one_line, world_fault

MATERIALIZE_JOB = "materialize"
SYNC_TAG = "imgsim/sync"
PERSON_CAN_MEND: frozenset[str] = frozenset(
    kind.__name__ for kind in (UserError, InputError, ModelError, SettingsError, WorldError)
)
OURS = PERSON_CAN_MEND | {ArtefactError.__name__, GateError.__name__, ImgsimError.__name__}

Announce = Callable[[str], None]


def sync(
    definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings, announce: Announce
) -> SyncOutcome:
    """Materialize what is stale, each asset at most once; what lies below a failure is left alone.

    Raises:
        InputError: the folder of photos cannot be used; nothing was run.
        UserError: a backbone that is to be run cannot be had; nothing was run.
        SyncInProgressError: another sync is at work on the same state folder.
        DagsterExecutionInterruptedError: the process was asked to stop.
    """
    steps = Steps()
    with only_user(settings.places.state), stopping.listening(), showing(steps):
        try:
            outcome = _run_waves(definitions, instance, settings, announce, steps)
        finally:
            if stopping.was_asked():
                leave_tracking(settings)
    link = settings.places.state / LINK
    outcome.published = link if link.exists() else None
    outcome.spent, outcome.took = steps.spent(), steps.took
    return outcome


def mend_what_died_left(settings: Settings) -> list[str]:
    """Tell MLflow what dead processes have not, drop rows that cannot be trusted, and give what is to be said of it.

    Called under the lock of the state folder, while no run is at work.
    """
    return [*finish_tracking(settings), *mend_tables(Store(state=str(settings.places.state)), settings)]


def _run_waves(
    definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings, announce: Announce, steps: Steps
) -> SyncOutcome:
    outcome = SyncOutcome()
    tags = {SYNC_TAG: uuid.uuid4().hex, STATE_TAG: str(settings.places.state.resolve())}
    end_dead_syncs(instance, settings.places.state)
    outcome.note(mend_what_died_left(settings))
    folder = observe(instance, settings)
    while True:
        sight = look(definitions, instance, settings, folder, tried=outcome.materialized)
        graph = sight.graph
        stopped = {*outcome.failed, *descendants(graph, outcome.failed)}
        wave = sight.wave({*stopped, *outcome.materialized})
        if not wave:
            _note_held(sight, outcome)
            return outcome
        if not (outcome.materialized or outcome.failed):
            _require_models(settings, sight.statuses)
        _announce_wave([sight.statuses[key] for key in wave], announce)
        later = [key for key in sight.unsettled if key not in {*stopped, *outcome.materialized, *wave}]
        steps.expect(_took(sight, wave), _took(sight, later))
        result = _run_wave(definitions, instance, settings, wave, tags)
        # Dagster takes it for the failure of a step, and what does not lie below that step would go on.
        if stopping.was_asked() or was_interrupted(result):
            raise dg.DagsterExecutionInterruptedError
        outcome.note(_said_by_mlflow(result))
        done = {
            event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key
        }
        undone = [key for key in wave if key not in done]
        outcome.materialized += [key for key in wave if key in done]
        # What could not run because its parent did not is no failure of its own.
        outcome.failed += [key for key in undone if not set(graph[key].parents).intersection(undone)]
        _note_reasons(result, outcome)


def _require_models(settings: Settings, statuses: Mapping[str, AssetStatus]) -> None:
    """Refuse, before any work, backbones that have vectors to make and cannot be had."""
    states = {name: statuses.get(embedding_key(name)) for name in settings.backbones}
    asked = {name: settings.backbones[name] for name, status in states.items() if status and status.state != "fresh"}
    require_models(asked, settings.runtime, settings.places.models)


def _took(sight: Sight, keys: Iterable[str]) -> dict[str, float | None]:
    """Give the steps that make these assets, and the seconds that each took when it last did; None: nobody knows."""
    found: dict[str, float | None] = {}
    for key in keys:
        spent = sight.records[key].spent if key in sight.records else None
        step = named(sight.graph[key].step)
        found[step] = max((one for one in (spent and spent.wall, found.get(step)) if one is not None), default=None)
    return found


def _announce_wave(wave: Sequence[AssetStatus], announce: Announce) -> None:
    missing = [status.key for status in wave if status.state == "missing"]
    if missing:
        announce(f"to make: {', '.join(missing)}")
    for status in wave:
        if status.state == "stale":
            announce(f"stale: {status.key}, because {'; '.join(status.causes)}")


def _note_held(sight: Sight, outcome: SyncOutcome) -> None:
    """What an old failure of a blocking check still holds back has failed in this sync too."""
    for parent, reason in sight.held.items():
        waiting = {key for key in descendants(sight.graph, [parent]) if sight.statuses[key].state != "fresh"}
        first = [key for key in sight.graph if key in waiting and not waiting.intersection(sight.graph[key].parents)]
        held = [key for key in first if key not in outcome.failed]
        if held:
            outcome.failed += held
            outcome.reasons.append(f"{', '.join(held)}: held back: {reason}")


def _run_wave(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    settings: Settings,
    wave: list[str],
    tags: dict[str, str],
) -> dg.ExecuteInProcessResult:
    run_id = str(uuid.uuid4())
    with ending_with_process(instance, run_id, lambda: leave_tracking(settings)):
        return definitions.resolve_job_def(MATERIALIZE_JOB).execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey.from_user_string(key) for key in wave],
            run_config={"loggers": {"console": {}}},
            tags=tags,
            raise_on_error=False,
            run_id=run_id,
        )


def _said_by_mlflow(result: dg.ExecuteInProcessResult) -> list[str]:
    made = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    return [str(one.metadata[MLFLOW_SAYS].value) for one in made if MLFLOW_SAYS in one.metadata]


def _note_reasons(result: dg.ExecuteInProcessResult, outcome: SyncOutcome) -> None:
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        cause = error.cause if error and error.cause else error
        if cause:
            words, person_can_mend = _words(cause.cls_name, cause.message)
            outcome.reasons.append(in_one_line(f"{event.step_key}: {words}"))
            outcome.person_can_mend |= person_can_mend


def _words(class_name: str | None, message: str) -> tuple[str, bool]:
    """Undo Dagster's "package.module.Class: what it says" for errors whose words are meant for a person."""
    _, _, words = message.strip().partition(": ")
    if class_name in OURS:
        return words, class_name in PERSON_CAN_MEND
    fault = world_fault(message.strip())
    return str(fault or masked(message.strip())), fault is not None
