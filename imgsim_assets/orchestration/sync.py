"""Materialize exactly what is stale: observe the folder, then run wave after wave until nothing is."""

import uuid
from collections.abc import Mapping

import dagster as dg

from imgsim_assets import stopping
from imgsim_assets.assets.keys import embedding_key
from imgsim_assets.orchestration.claims import mend_tables
from imgsim_assets.orchestration.dead_runs import STATE_TAG, end_dead_syncs
from imgsim_assets.orchestration.early import Early, answer_early
from imgsim_assets.orchestration.outcome import SyncOutcome
from imgsim_assets.orchestration.sight import observe
from imgsim_assets.orchestration.staleness import AssetStatus
from imgsim_assets.orchestration.waves import SYNC_TAG, Announce, Waves
from imgsim_assets.progress import Headway, showing
from imgsim_assets.resources.measuring import finish_tracking, leave_tracking
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import LINK
from imgsim_assets.storage.state_lock import only_user
from imgsim_assets.vision.backbones.readiness import require_models


def sync(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    settings: Settings,
    announce: Announce,
    early: Early | None = None,
) -> SyncOutcome:
    """Materialize what is stale, each asset at most once an answer; what lies below a failure is left alone.

    Args:
        definitions: the graph of `settings`.
        instance: where its records are.
        settings: of everything.
        announce: told, in lines for a person, what is about to be done and why.
        early: gives the graph of the provisional answer that a first sync may publish before; None: it waits.

    Raises:
        InputError: the folder of photos cannot be used; nothing was run.
        UserError: a backbone that is to be run cannot be had; nothing was run.
        SyncInProgressError: another sync is at work on the same state folder.
        DagsterExecutionInterruptedError: the process was asked to stop.
    """
    steps = Headway()
    with only_user(settings.places.state), stopping.listening(), showing(steps):
        try:
            outcome = _run(definitions, instance, settings, announce, steps=steps, early=early)
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


def _run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    settings: Settings,
    announce: Announce,
    *,
    steps: Headway,
    early: Early | None,
) -> SyncOutcome:
    end_dead_syncs(instance, settings.places.state)
    said = mend_what_died_left(settings)
    tags = {SYNC_TAG: uuid.uuid4().hex, STATE_TAG: str(settings.places.state.resolve())}
    waves = Waves(definitions, instance, settings, observe(instance, settings), tags, steps, announce)
    waves.outcome.note(said)
    sight = waves.look()
    if sight.wave():
        _require_models(settings, sight.statuses)
    if early:
        waves.outcome.early = answer_early(waves, sight, early)
        sight = waves.look()
    waves.note_held(waves.run(sight))
    return waves.outcome


def _require_models(settings: Settings, statuses: Mapping[str, AssetStatus]) -> None:
    """Refuse, before any work, backbones that have vectors to make and cannot be had."""
    states = {name: statuses.get(embedding_key(name)) for name in settings.backbones}
    asked = {name: settings.backbones[name] for name, status in states.items() if status and status.state != "fresh"}
    require_models(asked, settings.runtime, settings.places.models)
