"""The front door: the whole graph, built from settings. Importing it loads no heavy library."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import dagster as dg

from imgsim_assets.assets.checks import asset_checks
from imgsim_assets.assets.delivery.evaluation import evaluation_asset
from imgsim_assets.assets.delivery.publication import delivery_assets
from imgsim_assets.assets.delivery.report import report_asset
from imgsim_assets.assets.embeddings import embedding_assets
from imgsim_assets.assets.images.catalogue import image_assets
from imgsim_assets.assets.images.edges import edge_asset
from imgsim_assets.assets.keys import CANNY_MAPS, IMAGE_FOLDER, PUBLICATION, REPORT
from imgsim_assets.assets.learning.class_scores import class_scores_assets
from imgsim_assets.assets.learning.fine_tuning import fine_tuning_assets
from imgsim_assets.assets.learning.learning_set import learning_set_assets
from imgsim_assets.assets.learning.metric import learning_assets
from imgsim_assets.assets.learning.selection import selection_asset
from imgsim_assets.assets.learning.validation import validation_assets
from imgsim_assets.assets.search.comparison import comparison_asset
from imgsim_assets.assets.search.indices import index_assets
from imgsim_assets.assets.search.vectors import vector_assets
from imgsim_assets.errors import ImgsimError
from imgsim_assets.orchestration.doors import schedules, sensors
from imgsim_assets.orchestration.freshness import require_fresh
from imgsim_assets.orchestration.times import times_above
from imgsim_assets.orchestration.waves import MATERIALIZE_JOB
from imgsim_assets.resources.console import console_logger
from imgsim_assets.resources.measuring import tracking_of
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.vision.backbones.locking import lock_models


def build_definitions(
    settings: Settings,
    present: Callable[[], Settings] | None = None,
    *,
    resources: Mapping[str, Any] | None = None,
) -> dg.Definitions:
    """Assemble assets, checks, jobs, doors and resources for `settings`; nothing is read or written yet.

    Args:
        settings: of everything.
        present: gives the settings as they are now, for the sensor; None: they cannot change.
        resources: take the place of those of the same name: `store`, `tracking`, `require_fresh` and `times`.
    """
    assets = _assets(settings)
    ours = [one for one in assets if isinstance(one, dg.AssetsDefinition)]  # there may be others around them
    definitions: dg.Definitions = dg.Definitions(
        assets=assets,
        asset_checks=asset_checks(settings),
        jobs=[
            dg.define_asset_job(
                MATERIALIZE_JOB,
                dg.AssetSelection.assets(*ours),
                # One process keeps the models loaded; a process per step costs two seconds a step.
                executor_def=dg.in_process_executor,
                description="Materialize the selected assets, stale or not; the job `sync` finds what is stale itself.",
            ),
            dg.define_asset_job(
                "observe", dg.AssetSelection.assets(IMAGE_FOLDER), description="Look at the folder of photos."
            ),
        ],
        resources={
            "store": Store(state=str(settings.places.state)),
            "tracking": tracking_of(settings),
            "require_fresh": lambda instance: require_fresh(definitions, instance, PUBLICATION),
            # Edges too, which people look at whether or not the report hangs on them.
            "times": lambda instance: times_above(definitions, instance, REPORT, CANNY_MAPS),
            **(resources or {}),
        },
        executor=dg.in_process_executor,
        loggers={"console": console_logger},
        sensors=sensors(settings, lambda: definitions, present or (lambda: settings)),
        schedules=schedules(settings, lambda: definitions),
    )
    return definitions


def build_loaded_definitions(load: Callable[[], Settings]) -> dg.Definitions:
    """Build the graph of the settings that `load` gives, after hub names without a revision were locked.

    What cannot be locked now is known by its name, and refused when it is to be run: definitions load without a hub.
    """
    with suppress(ImgsimError):
        lock_models(load())
    return build_definitions(load(), present=load)


def _assets(settings: Settings) -> list[dg.AssetsDefinition | dg.SourceAsset]:
    return [
        *image_assets(settings),
        edge_asset(settings),
        *embedding_assets(settings),
        *learning_set_assets(settings),
        *learning_assets(settings),
        *fine_tuning_assets(settings),
        *class_scores_assets(settings),
        selection_asset(settings),
        *validation_assets(settings),
        *vector_assets(settings),
        *index_assets(settings),
        comparison_asset(settings),
        evaluation_asset(settings),
        report_asset(settings),
        *delivery_assets(settings),
    ]


@dg.definitions
def defs() -> dg.Definitions:
    """Build the graph of the settings that the environment names (`IMGSIM_CONFIG`, `IMGSIM_PROFILE`, ...)."""
    return build_loaded_definitions(load_settings)
