"""The group `delivery`, first part: MAP@10 with its interval, by cross-validation and on the hidden labels."""

import json
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets import keys
from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.keeping import in_ui, keep, open_table, picture_in_ui
from imgsim_assets.assets.learning.metric import open_head
from imgsim_assets.assets.learning.pool import embedded_photos, plain_descriptors
from imgsim_assets.assets.search.comparison import score_neighbours
from imgsim_assets.assets.search.vectors import open_vectors
from imgsim_assets.reporting import plots
from imgsim_assets.resources.measuring import log_files, parameters, tracked
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.coverage import coverage_in_words, label_coverage
from imgsim_assets.retrieval.evaluation import (
    as_numbers,
    headline_metrics,
    headline_queries,
    in_words,
    score_on_solution,
    served_measures,
    summarise,
)
from imgsim_assets.retrieval.measures import per_class_average_precision
from imgsim_assets.retrieval.scoring import first_confidence
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import read_table, writing
from imgsim_assets.vision.catalogue import leaked

QUERIES_FILE = "queries.parquet"
SUMMARY_FILE = "summary.parquet"
CLASSES_FILE = "classes.parquet"


def open_metrics(store: Store) -> dict[str, Any]:
    """Open the contract's metrics: `map_at_10`, `ci95`, `queries`, `source` and what else was measured."""
    metrics: dict[str, Any] = json.loads(store.artefacts.open(keys.EVALUATION).path(layout.METRICS).read_bytes())
    return metrics


def open_summary(store: Store) -> pl.DataFrame:
    """Open MAP@10 of each ranking by each source, with intervals."""
    return read_table(store.artefacts.open(keys.EVALUATION).path(SUMMARY_FILE))


def open_classes(store: Store) -> pl.DataFrame:
    """Open MAP@10 of each class, `label`, `queries`, `map_at_10`, the worst first, by the headline's source."""
    return read_table(store.artefacts.open(keys.EVALUATION).path(CLASSES_FILE))


def evaluation_asset(settings: Settings) -> dg.AssetsDefinition:
    """Build the asset of the score."""
    library = settings.submission.index

    @asset(
        settings,
        keys.EVALUATION,
        computed_by(
            "evaluation/9",
            evaluation=settings.evaluation.model_dump(include={"bootstrap", "seed"}),
            submission={"index": library},
            backbones=sorted(settings.backbones),
        ),
        group=keys.DELIVERY,
        kinds={"mlflow", "polars"},
        deps=[
            keys.RAW_IMAGES,
            keys.SOLUTION,
            keys.GALLERY,
            keys.QUERIES,
            keys.METRIC_HEAD,
            keys.CROSS_VALIDATION,
            keys.neighbors_key(library),
            *keys.embedding_deps(settings),
        ],
    )
    def evaluation(
        context: dg.AssetExecutionContext, store: Store, tracking: dg.ResourceParam[Tracking]
    ) -> dg.MaterializeResult[Any]:
        """MAP@10 with its 95% interval: cross-validated on train, and on the hidden labels where they are given."""
        photos = embedded_photos(store, settings)
        served = score_neighbours(store, library)
        truth = open_table(store, keys.SOLUTION)
        on_solution = score_on_solution(
            served, truth, photos.with_columns(leaked(photos)), plain_descriptors(store, settings, photos)
        )
        queries = pl.concat([on_solution, open_table(store, keys.CROSS_VALIDATION)])
        summary = summarise(queries, settings.evaluation)
        covered = label_coverage(truth["label"].to_list(), open_table(store, keys.GALLERY)["label"].to_list())
        asked, vectors = open_vectors(store, keys.QUERIES)
        head = open_head(store)
        confidence = first_confidence(asked["name"], vectors, len(head.classes), head.recipe)
        metrics = headline_metrics(summary) | served_measures(served, confidence) | covered
        (context.log.warning if coverage_in_words(covered) else context.log.info)(in_words(metrics))
        headline = headline_queries(queries, summary)
        classes = per_class_average_precision(headline["average_precision"].to_numpy(), headline["label"].to_list())
        drawings = plots.evaluation_plots(headline, summary, classes)

        contents: dict[str, pl.DataFrame | bytes] = {
            layout.METRICS: json.dumps(metrics, indent=2, sort_keys=True).encode(),
            QUERIES_FILE: queries,
            SUMMARY_FILE: summary,
            CLASSES_FILE: classes,
        }
        with tracked(context, tracking, keys.EVALUATION) as run:
            run.log_params(parameters(settings) | _data_versions(store, settings))
            run.log_metrics(as_numbers(metrics, summary))
            log_files(run, {f"{name}.png": png for name, png in drawings.items()}, "plots")
            log_files(run, {"classes.csv": classes.write_csv().encode()}, "tables")
            mlflow_run = run.run_id or "none"
        rankings = summary.rename({"value": "map_at_10", "queries_without_relevant": "unanswerable"})
        shown: dict[str, Any] = {name: value for name, value in metrics.items() if isinstance(value, int | float | str)}
        shown |= {"in_words": in_words(metrics), "rankings": in_ui(rankings), "mlflow_run": mlflow_run}
        shown |= {name: picture_in_ui(png) for name, png in drawings.items()}
        return keep(store, keys.EVALUATION, writing(contents), metadata=shown)

    return evaluation


def _data_versions(store: Store, settings: Settings) -> dict[str, str]:
    served_by = [keys.RAW_IMAGES, keys.METRIC_HEAD, keys.GALLERY, keys.neighbors_key(settings.submission.index)]
    served_by += map(keys.embedding_key, settings.backbones)
    return {f"data_version.{key}": store.artefacts.open(key).manifest.version for key in served_by}
