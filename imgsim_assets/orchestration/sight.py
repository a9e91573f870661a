"""What there is and what of it is up to date, at one moment: the folder, Dagster's records, and what they claim."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import dagster as dg

from imgsim_assets.assets.images.catalogue import observe_folder
from imgsim_assets.assets.keeping import open_table
from imgsim_assets.assets.keys import IMAGE_FOLDER, PUBLICATION, RAW_IMAGES
from imgsim_assets.errors import ArtefactError
from imgsim_assets.orchestration.answerable import open_folder
from imgsim_assets.orchestration.claims import broken_claims
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
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.submission import require_answers
from imgsim_assets.serving.provisional import ProvisionalSettings, is_provisional
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import LINK
from imgsim_assets.vision.catalogue import folder_changes
from imgsim_assets.vision.folder import PhotoFolder


def status(definitions: dg.Definitions, instance: dg.DagsterInstance, settings: Settings) -> Mapping[str, AssetStatus]:
    """Look at the folder of photos and tell which assets are stale; materializes nothing.

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

    @property
    def unsettled(self) -> list[str]:
        """The assets that are not fresh, or may not be for long."""
        return [key for key, told in foretell(self.graph, self.statuses).items() if told.state != "fresh"]

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
    """Tell by Dagster's records which assets are fresh; what they claim and is not there is missing, whatever they say.

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
    final = not isinstance(settings, ProvisionalSettings)
    if PUBLICATION in statuses and final and is_provisional(store.folder / LINK):
        statuses[PUBLICATION] = AssetStatus(PUBLICATION, "stale", ("what is published is a provisional answer",))
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
