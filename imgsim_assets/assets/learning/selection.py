"""The group `learning`, third part: how photos are ranked, chosen by what each step earns on labelled train photos."""

import re
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import asset, computed_by
from imgsim_assets.assets.keys import (
    CLUSTERS,
    LEARNING,
    LEARNING_SET,
    RANKING_CHOICE,
    fine_tuned_backbones,
    fine_tuned_deps,
    fine_tuned_key,
)
from imgsim_assets.assets.learning.class_scores import NETWORKS_FILE, read_class_scores
from imgsim_assets.assets.learning.pool import read_clusters, read_views
from imgsim_assets.assets.learning.standing import LABELLED_FILE, few_changed, labelled_before, publish_again
from imgsim_assets.assets.publishing import TABLE, markdown_picture, markdown_table, open_table, publish
from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.reporting import plots
from imgsim_assets.resources.measuring import tracked
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.average_precision import encode_labels
from imgsim_assets.retrieval.choice import Choice, Collection, choose
from imgsim_assets.retrieval.learning_set import learning_mode
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import write_table
from imgsim_assets.storage.versioned_folder import JSON

RECIPE_FILE = "recipe.json"


def open_recipe(store: Store) -> Recipe:
    """Open the chosen recipe."""
    return Recipe.model_validate_json(store.artefacts.open(RANKING_CHOICE).path(RECIPE_FILE).read_bytes())


def open_steps(store: Store) -> pl.DataFrame:
    """Open what each step earned: `choice.STEP_COLUMNS`."""
    return open_table(store, RANKING_CHOICE)


def selection_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the asset of this part."""
    return [_ranking_choice(settings)]


def _ranking_choice(settings: Settings) -> dg.AssetsDefinition:
    computed = computed_by(
        "ranking_choice/4",
        head=settings.head,
        steps=settings.steps,
        selection=settings.selection,
        clusters=settings.clusters,
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
        if before is not None and few_changed(before, labelled, settings.selection.renewal):
            context.log.info("too few labelled photos changed to choose anew: the choice stays")
            return publish_again(store, RANKING_CHOICE, {"steps": markdown_table(open_steps(store))})
        collection = _collection(store, settings)
        choice = choose(
            collection,
            settings.backbones,
            head=settings.head,
            steps=settings.steps,
            selection=settings.selection,
            confidence=settings.clusters.confidence,
        )
        context.log.info(f"not chosen by evidence: {choice.reason}" if choice.reason else _taken_in_words(choice))

        def write(folder: Path) -> None:
            (folder / RECIPE_FILE).write_text(choice.recipe.model_dump_json(indent=2), encoding="utf-8")
            write_table(folder / TABLE, choice.steps)
            write_table(folder / LABELLED_FILE, labelled)

        facts: dict[str, JSON] = {
            "made_by": made_by,
            "mode": learning_mode(collection.classes[collection.is_train]),
            "photos_asked": choice.photos,
            "reason": choice.reason or "by evidence",
        }
        shown: dict[str, Any] = {"recipe": markdown_table(_recipe_table(choice.recipe))}
        if choice.steps.height:
            drawing = _draw(choice.steps)
            shown |= {"steps": markdown_table(choice.steps), "gains": markdown_picture(drawing)}
            _track(context, tracking, choice, drawing)
        return publish(store, RANKING_CHOICE, write, facts=facts, metadata=shown)

    return ranking_choice


def _made_by(store: Store, settings: Settings, code_version: str) -> str:
    """Name all that decides the choice beside the photos."""
    of_learning = dict(store.artefacts.open(LEARNING_SET).manifest.facts)
    networks: dict[str, JSON] = {
        name: store.artefacts.open(fine_tuned_key(name)).manifest.files[NETWORKS_FILE].digest
        for name in fine_tuned_backbones(settings)
    }
    return fingerprint("made_by/2", code_version, {LEARNING_SET: of_learning, "networks": networks})


def _collection(store: Store, settings: Settings) -> Collection:
    photos = open_table(store, LEARNING_SET)
    diffused, clusters = read_clusters(store)
    (classes,) = encode_labels(photos["label"].to_list())
    return Collection(
        vectors=read_views(store, settings, photos),
        diffused=diffused,
        clusters=clusters,
        classes=classes,
        groups=photos["near_duplicate_group"].cast(pl.Int64).to_numpy(),
        is_train=(photos["split"] == "train").to_numpy(),
        left_out=photos["leaked"].to_numpy() & (settings.evaluation.leaked == "leave_out"),
        class_scores=read_class_scores(
            store,
            [fine_tuned_key(name) for name in fine_tuned_backbones(settings)],
            photos["content_id"].to_list(),
            sorted(set(photos["label"].drop_nulls())),
        ),
    )


def _taken_in_words(choice: Choice) -> str:
    taken = choice.steps.filter(pl.col("verdict").is_in(["taken", "taken on trust", "forced on"]))
    steps = ", ".join(f"{name} {gain:+.4f}" for name, gain in taken.select("name", "gain").iter_rows())
    return f"chosen on {choice.photos} labelled photos: {steps or 'plain cosine'}"


def _recipe_table(recipe: Recipe) -> pl.DataFrame:
    rows = [(name, str(value)) for name, value in recipe.model_dump(mode="json").items()]
    return pl.DataFrame(rows, schema=["part", "value"], orient="row")


def _draw(steps: pl.DataFrame) -> bytes:
    tried = steps.filter(pl.col("gain").is_not_null())
    return plots.gains_with_intervals(
        tried["name"].to_list(), tried["gain"].to_list(), tried.select("low", "high").rows(), tried["verdict"].to_list()
    )


def _metric_name(name: str) -> str:
    return re.sub(r"[^\w .:-]", "_", name)  # all that MLflow allows


def _track(context: dg.AssetExecutionContext, tracking: Tracking, choice: Choice, drawing: bytes) -> None:
    with (
        tracked(context, tracking, RANKING_CHOICE) as run,
        tempfile.TemporaryDirectory() as scratch,
    ):
        folder = Path(scratch)
        choice.steps.write_csv(folder / "steps.csv")
        (folder / "gains.png").write_bytes(drawing)
        (folder / RECIPE_FILE).write_text(choice.recipe.model_dump_json(indent=2), encoding="utf-8")
        for file in sorted(folder.iterdir()):
            run.log_file(file, "ranking_choice")
        tried = choice.steps.filter(pl.col("gain").is_not_null())
        run.log_metrics({f"gain/{_metric_name(row['name'])}": row["gain"] for row in tried.iter_rows(named=True)})
        for point in choice.curve:
            run.log_metrics({"glrtml_loss": point.loss, "glrtml_held_out": point.held_out}, step=point.epoch)
