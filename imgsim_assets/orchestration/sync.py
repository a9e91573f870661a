"""Materialize exactly what is stale: observe the folder, then run wave after wave until nothing is."""

import time
import uuid
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace

import dagster as dg

from imgsim_assets import stopping
from imgsim_assets.assets.images.catalogue import observe_folder
from imgsim_assets.assets.keys import IMAGE_FOLDER, RAW_IMAGES, embedding_key
from imgsim_assets.assets.publishing import open_table
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
from imgsim_assets.orchestration.answerable import open_folder
from imgsim_assets.orchestration.claims import broken_claims, mend_tables
from imgsim_assets.orchestration.dead_runs import STATE_TAG, end_dead_syncs
from imgsim_assets.orchestration.interruption import ending_with_process, was_interrupted
from imgsim_assets.orchestration.outcome import SyncOutcome
from imgsim_assets.orchestration.staleness import (
    AssetStatus,
    Node,
    Record,
    descendants,
    foretell,
    next_wave,
    read_checks,
    read_graph,
    read_records,
    statuses_of,
)
from imgsim_assets.orchestration.unsettled import unsettled
from imgsim_assets.resources.measuring import MLFLOW_SAYS, finish_tracking, leave_tracking
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.submission import require_answers
from imgsim_assets.secrets import masked
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import LINK
from imgsim_assets.storage.state_lock import only_user
from imgsim_assets.vision.backbones.readiness import require_models
from imgsim_assets.vision.catalogue import folder_changes
from imgsim_assets.vision.folder import PhotoFolder
from imgsim_assets.world import in_one_line, world_fault

MATERIALIZE_JOB = "materialize"
SYNC_TAG = "imgsim/sync"
PERSON_CAN_MEND: frozenset[str] = frozenset(
    kind.__name__ for kind in (UserError, InputError, ModelError, SettingsError, WorldError)
)
OURS = PERSON_CAN_MEND | {ArtefactError.__name__, GateError.__name__, ImgsimError.__name__}

Announce = Callable[[str], None]


def status(definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings) -> Mapping[str, AssetStatus]:
    """Look at the folder of photos and judge every asset; materializes nothing.

    Raises:
        InputError: the folder of photos cannot be used.
    """
    sight = look(definitions, instance, settings, observe(instance, settings))
    return foretell(sight.graph, sight.statuses)


def observe(instance: dg.DagsterInstance, settings: Settings) -> PhotoFolder:
    """Record the present state of the folder of photos, if it is not the one last recorded; list its files.

    Raises:
        UserError: the folder of photos cannot be used, or nothing could be submitted of it.
    """
    folder = open_folder(settings)
    version = observe_folder(settings).value
    latest = instance.fetch_observations(dg.AssetKey(IMAGE_FOLDER), limit=1).records
    if not latest or latest[0].asset_observation is None or latest[0].asset_observation.data_version != version:
        instance.report_runless_asset_event(
            dg.AssetObservation(
                IMAGE_FOLDER, tags={"dagster/data_version": version}, metadata={"folder": str(settings.places.data)}
            )
        )
    return folder


@dataclass(frozen=True)
class Sight:
    """What there is and what of it is up to date, at one moment.

    `held` maps the assets with a blocking check that failed, or never ended, to words; what lies below them waits.
    """

    graph: Mapping[str, Node]
    records: Mapping[str, Record]
    statuses: Mapping[str, AssetStatus]
    held: Mapping[str, str]

    def wave(self, leave_out: Container[str] = ()) -> list[str]:
        """Choose what to materialize next in one run, without the keys `leave_out`."""
        chosen = [key for key in next_wave(self.graph, self.statuses) if key not in leave_out]
        # Inside a run Dagster itself holds back what lies below a failing check.
        standing = descendants(self.graph, self.held.keys() - set(chosen))
        return [key for key in chosen if key not in standing]


def look(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    settings: Settings,
    folder: PhotoFolder,
    *,
    tried: Container[str] = (),
    patience: float = 0.0,
) -> Sight:
    """Judge every asset by Dagster's records; what they claim and is not there is missing, whatever they say.

    What could not be done for reasons of the day is stale, so that it is tried again; but not what has just been
    `tried`, nor what was made less than `patience` seconds ago.

    Raises:
        UserError: nothing could be submitted of the photos that can be opened.
    """
    graph = read_graph(definitions)
    records = read_records(instance, graph)
    statuses = statuses_of(graph, records)
    store = Store(state=str(settings.places.state))
    fresh = [key for key, status in statuses.items() if status.state == "fresh"]
    for key in broken_claims(store, settings, {key: records[key].data_version for key in fresh}):
        statuses[key] = AssetStatus(key, "missing", ("what it made is gone or damaged",))
    whole = [key for key in fresh if statuses[key].state == "fresh" and key not in tried]
    for key, cause in unsettled(store, settings, whole, patience).items():
        statuses[key] = AssetStatus(key, "stale", (cause,))
    if RAW_IMAGES in whole and statuses[RAW_IMAGES].state == "fresh":
        require_answers(open_table(store, RAW_IMAGES), settings.submission)
    held, unended = read_checks(definitions, instance)
    for key, reason in unended.items():
        if statuses[key].state == "fresh":  # else the check did not end because the asset did not come to it
            statuses[key] = AssetStatus(key, "stale", (reason,))
            held[key] = reason
    for parent, reason in held.items():
        for key in descendants(graph, [parent]):
            if key in statuses and statuses[key].state != "fresh":
                statuses[key] = replace(statuses[key], causes=(*statuses[key].causes, f"held back: {reason}"))
    _say_what_changed_in_the_folder(statuses, store, folder)
    return Sight(graph, records, statuses, held)


def _say_what_changed_in_the_folder(statuses: dict[str, AssetStatus], store: Store, folder: PhotoFolder) -> None:
    general = f"{IMAGE_FOLDER} changed"
    if general not in statuses.get(RAW_IMAGES, AssetStatus("", "fresh")).causes:
        return
    try:
        said = folder_changes(folder, open_table(store, RAW_IMAGES))
    except ArtefactError:  # it is gone too; nothing to compare with
        return
    status = statuses[RAW_IMAGES]
    causes = [f"{general}: {', '.join(said)}" if said and cause == general else cause for cause in status.causes]
    statuses[RAW_IMAGES] = replace(status, causes=tuple(causes))


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
    started = time.monotonic()
    with only_user(settings.places.state), stopping.listening():
        try:
            outcome = _run_waves(definitions, instance, settings, announce)
        finally:
            if stopping.was_asked():
                leave_tracking(settings)
    link = settings.places.state / LINK
    outcome.published = link if link.exists() else None
    outcome.seconds = time.monotonic() - started
    return outcome


def mend_what_died_left(settings: Settings) -> list[str]:
    """Tell MLflow what dead processes have not, drop rows that cannot be trusted, and give what is to be said of it.

    Called under the lock of the state folder, while no run is at work.
    """
    return [*finish_tracking(settings), *mend_tables(Store(state=str(settings.places.state)), settings)]


def _run_waves(
    definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings, announce: Announce
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
