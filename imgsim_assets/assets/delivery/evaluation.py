"""The group `delivery`, first part: MAP@10 with its interval, by cross-validation and on the hidden labels."""

import json
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from imgsim_assets.assets.asset import asset, computed_by
from imgsim_assets.assets.keys import (
    CROSS_VALIDATION,
    DELIVERY,
    EVALUATION,
    GALLERY,
    METRIC_HEAD,
    QUERIES,
    RAW_IMAGES,
    SOLUTION,
    embedding_deps,
    neighbors_key,
)
from imgsim_assets.assets.learning.metric import open_head
from imgsim_assets.assets.learning.pool import embedded_photos, plain_descriptors
from imgsim_assets.assets.publishing import markdown_picture, markdown_table, open_table, publish
from imgsim_assets.assets.search.comparison import score_neighbours
from imgsim_assets.assets.search.vectors import open_vectors
from imgsim_assets.reporting import plots
from imgsim_assets.resources.measuring import tracked
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.coverage import coverage_in_words, label_coverage
from imgsim_assets.retrieval.evaluation import (
    headline_metrics,
    in_words,
    score_on_solution,
    served_measures,
    summarise,
)
from imgsim_assets.retrieval.measures import per_class_average_precision
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import read_table, write_table
from imgsim_assets.vision.catalogue import leaked

QUERIES_FILE = "queries.parquet"
SUMMARY_FILE = "summary.parquet"
CLASSES_FILE = "classes.parquet"
MEASURES = ("precision_at_1", "recall_at_10", "calibration_error", "brier_score")


def open_metrics(store: Store) -> dict[str, Any]:
    """Open the contract's metrics: `map_at_10`, `ci95`, `queries`, `source` and what else was measured."""
    metrics: dict[str, Any] = json.loads(store.artefacts.open(EVALUATION).path(layout.METRICS).read_bytes())
    return metrics


def open_summary(store: Store) -> pl.DataFrame:
    """Open MAP@10 of each ranking by each source, with intervals."""
    return read_table(store.artefacts.open(EVALUATION).path(SUMMARY_FILE))


def open_classes(store: Store) -> pl.DataFrame:
    """Open MAP@10 of each class, `label`, `queries`, `map_at_10`, the worst first, by the headline's source."""
    return read_table(store.artefacts.open(EVALUATION).path(CLASSES_FILE))


def evaluation_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the asset of this part."""
    return [_evaluation(settings)]


def _evaluation(settings: Settings) -> dg.AssetsDefinition:
    library = settings.submission.index

    @asset(
        settings,
        EVALUATION,
        computed_by(
            "evaluation/9",
            evaluation=settings.evaluation.model_dump(include={"bootstrap", "seed"}),
            submission={"index": library},
            backbones=sorted(settings.backbones),
        ),
        group=DELIVERY,
        kinds={"mlflow", "polars"},
        deps=[
            RAW_IMAGES,
            SOLUTION,
            GALLERY,
            QUERIES,
            METRIC_HEAD,
            CROSS_VALIDATION,
            neighbors_key(library),
            *embedding_deps(settings),
        ],
    )
    def evaluation(
        context: dg.AssetExecutionContext, store: Store, tracking: dg.ResourceParam[Tracking]
    ) -> dg.MaterializeResult[Any]:
        """MAP@10 with its 95% interval: cross-validated on train, and on the hidden labels where they are given."""
        photos = embedded_photos(store, settings)
        served = score_neighbours(store, library)
        truth = open_table(store, SOLUTION)
        on_solution = score_on_solution(
            served,
            truth,
            photos.with_columns(leaked(photos)),
            plain_descriptors(store, settings, photos),
        )
        queries = pl.concat([on_solution, open_table(store, CROSS_VALIDATION)])
        summary = summarise(queries, settings.evaluation)
        covered = label_coverage(truth["label"].to_list(), open_table(store, GALLERY)["label"].to_list())
        metrics = headline_metrics(summary) | served_measures(served, _confidence(store)) | covered
        (context.log.warning if coverage_in_words(covered) else context.log.info)(in_words(metrics))
        classes = _by_class(queries, summary)
        drawings = _draw(queries, summary, classes)

        def write(folder: Path) -> None:
            (folder / layout.METRICS).write_text(json.dumps(metrics, indent=2, sort_keys=True), encoding="utf-8")
            write_table(folder / QUERIES_FILE, queries)
            write_table(folder / SUMMARY_FILE, summary)
            write_table(folder / CLASSES_FILE, classes)

        with tracked(context, tracking, EVALUATION) as run:
            run.log_params(_parameters(settings) | _data_versions(store, settings))
            run.log_metrics(_finite(metrics, summary))
            with tempfile.TemporaryDirectory() as scratch:
                for name, png in drawings.items():
                    (Path(scratch) / f"{name}.png").write_bytes(png)
                    run.log_file(Path(scratch) / f"{name}.png", "plots")
                classes.write_csv(Path(scratch) / "classes.csv")
                run.log_file(Path(scratch) / "classes.csv", "tables")
            mlflow_run = run.run_id or "none"
        shown: dict[str, Any] = {name: value for name, value in metrics.items() if isinstance(value, int | float | str)}
        shown |= {"in_words": in_words(metrics), "rankings": markdown_table(_narrow(summary)), "mlflow_run": mlflow_run}
        shown |= {name: markdown_picture(png) for name, png in drawings.items()}
        return publish(store, EVALUATION, write, metadata=shown)

    return evaluation


def _confidence(store: Store) -> pl.DataFrame:
    """Give each query the probability of its most probable class; its vector holds those first, unless expanded.

    Empty where the recipe ranks without a probability.
    """
    photos, vectors = open_vectors(store, QUERIES)
    recipe = open_head(store).recipe
    if recipe.evidence == "likeness" or recipe.expansion:
        return pl.DataFrame(schema={"name": pl.String, "confidence": pl.Float64})
    best = np.asarray(vectors[:, : len(open_head(store).classes)], dtype=np.float64).max(axis=1, initial=0.0)
    return photos.select("name").with_columns(pl.Series("confidence", np.clip(best, 0.0, 1.0)))


def _narrow(summary: pl.DataFrame) -> pl.DataFrame:
    return summary.rename({"value": "map_at_10", "queries_without_relevant": "unanswerable"})


def _headline_queries(queries: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    if summary.is_empty():
        return queries.clear()
    return queries.filter(pl.col("source") == summary["source"][0], pl.col("average_precision").is_not_null())


def _by_class(queries: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    asked = _headline_queries(queries, summary)
    return per_class_average_precision(asked["average_precision"].to_numpy(), asked["label"].to_list())


def _draw(queries: pl.DataFrame, summary: pl.DataFrame, classes: pl.DataFrame) -> dict[str, bytes]:
    if summary.is_empty():
        return {}
    asked = _headline_queries(queries, summary)
    rankings = summary.filter(pl.col("ranking") != "gain")
    names = [f"{one} ({by.replace('_', ' ')})" for one, by in rankings.select("ranking", "source").iter_rows()]
    return {
        "average_precision": plots.average_precision_histogram(asked["average_precision"].to_numpy()),
        "hardest_classes": plots.class_average_precision(dict(classes.select("label", "map_at_10").iter_rows())),
        "ranking_intervals": plots.steps_with_intervals(
            names, rankings["value"].to_list(), rankings.select("low", "high").rows()
        ),
    }


def _parameters(settings: Settings) -> dict[str, Any]:
    """Spell out the settings that decide the result, one parameter each."""
    return _flat("", settings.model_dump(mode="json", exclude={"places", "runtime", "tracking", "automation"}))


def _flat(prefix: str, tree: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(f"{prefix}{name}.", value) if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _data_versions(store: Store, settings: Settings) -> dict[str, str]:
    keys = [RAW_IMAGES, METRIC_HEAD, GALLERY, neighbors_key(settings.submission.index)]
    keys += [key.to_user_string() for key in embedding_deps(settings)]
    return {f"data_version.{key}": store.artefacts.open(key).manifest.version for key in keys}


def _finite(metrics: dict[str, Any], summary: pl.DataFrame) -> dict[str, float]:
    found = {f"{row['source']}_{row['ranking']}": row["value"] for row in summary.iter_rows(named=True)}
    found |= {name: metrics[name] for name in MEASURES if name in metrics}
    if metrics["map_at_10"] is not None:
        found |= {
            "map_at_10": metrics["map_at_10"],
            "map_at_10_low": metrics["ci95"][0],
            "map_at_10_high": metrics["ci95"][1],
            "queries": metrics["queries"],
        }
    return found
