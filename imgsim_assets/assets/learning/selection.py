"""The group `learning`, third part: how photos are ranked, chosen by what each step earns on labelled train photos."""

from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.keeping import (
    LABELLED_FILE,
    TABLE,
    in_ui,
    keep,
    keep_again,
    labelled_before,
    open_table,
    picture_in_ui,
)
from imgsim_assets.assets.keys import (
    CLUSTERS,
    LEARNING,
    LEARNING_SET,
    RANKING_CHOICE,
    fine_tuned_backbones,
    fine_tuned_deps,
    fine_tuned_key,
)
from imgsim_assets.assets.learning.pool import read_collection
from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.reporting import plots
from imgsim_assets.resources.measuring import log_files, metric_name, tracked
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.choice import choose
from imgsim_assets.retrieval.learning_set import learning_mode
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.renewal import renewal_policy
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import writing
from imgsim_assets.storage.versioned_folder import JSON
from imgsim_assets.vision.fine_tuning.networks import NETWORKS_FILE

RECIPE_FILE = "recipe.json"


def open_recipe(store: Store) -> Recipe:
    """Open the chosen recipe."""
    return Recipe.model_validate_json(store.artefacts.open(RANKING_CHOICE).path(RECIPE_FILE).read_bytes())


def open_steps(store: Store) -> pl.DataFrame:
    """Open what each step earned: `choice.STEP_COLUMNS`."""
    return open_table(store, RANKING_CHOICE)


def selection_asset(settings: Settings) -> dg.AssetsDefinition:
    """Build the asset of the choice."""
    computed = computed_by(
        "ranking_choice/7",
        head=settings.head,
        steps=settings.steps,
        selection=settings.selection,
        clusters=settings.clusters.model_dump(exclude={"names"}),
        evaluation={"leaked": settings.evaluation.leaked},
        backbones={
            name: {"views": list(backbone.views), "fine_tune": backbone.fine_tune}
            for name, backbone in settings.backbones.items()
        },
    )

    @asset(
        settings,
        RANKING_CHOICE,
        computed,
        group=LEARNING,
        kinds={"scikitlearn", "mlflow"},
        deps=[LEARNING_SET, CLUSTERS, *fine_tuned_deps(settings)],
    )
    def ranking_choice(
        context: dg.AssetExecutionContext, store: Store, tracking: dg.ResourceParam[Tracking]
    ) -> dg.MaterializeResult[Any]:
        """How photos are ranked: a step is taken where it gains on labelled train photos that it has not seen.

        Made anew when settings or backbones change, or more than a tenth of the labelled photos; else it stays.
        """
        made_by = _made_by(store, settings, computed["code_version"])
        labelled = open_table(store, LEARNING_SET).select("content_id", "label").drop_nulls()
        before = labelled_before(store, RANKING_CHOICE, made_by)
        if before is not None and renewal_policy(settings).choice.stands(before, labelled):
            context.log.info("too few labelled photos changed to choose anew: the choice stays")
            return keep_again(store, RANKING_CHOICE, {"steps": in_ui(open_steps(store))})
        collection = read_collection(store, settings, fine_tuned=fine_tuned_backbones(settings))
        choice = choose(
            collection,
            settings.backbones,
            head=settings.head,
            steps=settings.steps,
            selection=settings.selection,
            confidence=settings.clusters.confidence,
        )
        context.log.info(choice.in_words())
        recipe = choice.recipe.model_dump_json(indent=2).encode()
        contents = writing({RECIPE_FILE: recipe, TABLE: choice.steps, LABELLED_FILE: labelled})
        facts: dict[str, JSON] = {
            "made_by": made_by,
            "mode": learning_mode(collection.classes[collection.is_train]),
            "photos_asked": choice.photos,
            "reason": choice.reason or "by evidence",
        }
        parts = [(name, str(value)) for name, value in choice.recipe.model_dump(mode="json").items()]
        shown: dict[str, Any] = {"recipe": in_ui(pl.DataFrame(parts, ["part", "value"], orient="row"))}
        if choice.steps.height:
            tried = choice.steps.filter(pl.col("gain").is_not_null())
            gains, intervals = tried["gain"].to_list(), tried.select("low", "high").rows()
            drawing = plots.gains_with_intervals(tried["name"].to_list(), gains, intervals, tried["verdict"].to_list())
            shown |= {"steps": in_ui(choice.steps), "gains": picture_in_ui(drawing)}
            files = {"steps.csv": choice.steps.write_csv().encode(), "gains.png": drawing, RECIPE_FILE: recipe}
            with tracked(context, tracking, RANKING_CHOICE) as run:
                log_files(run, files, "ranking_choice")
                run.log_metrics(
                    {f"gain/{metric_name(one)}": by for one, by in tried.select("name", "gain").iter_rows()}
                )
                for point in choice.curve:
                    run.log_metrics({"glrtml_loss": point.loss, "glrtml_held_out": point.held_out}, step=point.epoch)
        return keep(store, RANKING_CHOICE, contents, facts=facts, metadata=shown)

    return ranking_choice


def _made_by(store: Store, settings: Settings, code_version: str) -> str:
    """Name all that decides the choice beside the photos."""
    of_learning = dict(store.artefacts.open(LEARNING_SET).manifest.facts)
    networks: dict[str, JSON] = {
        name: store.artefacts.open(fine_tuned_key(name)).manifest.files[NETWORKS_FILE].digest
        for name in fine_tuned_backbones(settings)
    }
    return fingerprint("made_by/2", code_version, {LEARNING_SET: of_learning, "networks": networks})
