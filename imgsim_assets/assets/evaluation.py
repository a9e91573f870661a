"""The group `delivery`, first part: MAP@10 with its interval, by cross-validation and on the hidden labels."""

import json
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.comparison import score_neighbours
from imgsim_assets.assets.images import RAW_IMAGES, SOLUTION
from imgsim_assets.assets.indices import neighbors_key
from imgsim_assets.assets.learning import METRIC_HEAD, embedding_deps, read_descriptors
from imgsim_assets.assets.publishing import OWNERS, markdown_picture, markdown_table, open_table, publish, run_tags
from imgsim_assets.assets.vectors import GALLERY
from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.reporting import plots
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.average_precision import encode_labels, mean_average_precision
from imgsim_assets.retrieval.cross_validation import CrossValidated, NotCrossValidated, cross_validate
from imgsim_assets.retrieval.scoring import DEPTH, score_ranked_names
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import read_table, write_table
from imgsim_assets.vision.threads import set_threads

GROUP = "delivery"
EVALUATION = "evaluation"
METRICS_FILE = "metrics.json"
QUERIES_FILE = "queries.parquet"
SUMMARY_FILE = "summary.parquet"
SUMMARY_COLUMNS: dict[str, Any] = {
    "source": pl.String,
    "ranking": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "queries": pl.Int64,
    "queries_without_relevant": pl.Int64,
}
QUERY_KINDS = (pl.String, pl.String, pl.Float64, pl.Float64)
SOURCES = ("solution", "cross_validation")


def open_metrics(store: Store) -> dict[str, Any]:
    """Open the contract's metrics: `map_at_10`, `ci95`, `queries`, `source` and what else was measured."""
    metrics: dict[str, Any] = json.loads(store.artefacts.open(EVALUATION).path(METRICS_FILE).read_bytes())
    return metrics


def open_summary(store: Store) -> pl.DataFrame:
    """Open MAP@10 of each ranking by each source, with intervals."""
    return read_table(store.artefacts.open(EVALUATION).path(SUMMARY_FILE))


def evaluation_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the asset of this part."""
    return [_evaluation(settings)]


def _evaluation(settings: Settings) -> dg.AssetsDefinition:
    library = settings.submission.index

    @dg.asset(
        key=EVALUATION,
        group_name=GROUP,
        kinds={"mlflow", "polars"},
        owners=OWNERS,
        deps=[RAW_IMAGES, SOLUTION, GALLERY, METRIC_HEAD, neighbors_key(library), *embedding_deps(settings)],
        code_version=fingerprint(
            "evaluation/1", settings.evaluation, settings.head, library, sorted(settings.backbones)
        ),
    )
    def evaluation(context: dg.AssetExecutionContext, store: Store, tracking: Tracking) -> dg.MaterializeResult[Any]:
        """MAP@10 with its 95% interval: cross-validated on train, and on the hidden labels where they are given."""
        set_threads(settings.runtime.threads)
        photos, descriptors = read_descriptors(store, settings)
        queries = pl.concat(
            [
                _on_solution(store, library, photos, descriptors),
                _by_cross_validation(context, settings, photos, descriptors),
            ]
        )
        summary = _summarise(queries, settings)
        metrics = _metrics(summary)
        context.log.info(_in_words(metrics))
        drawings = _draw(queries, summary)

        def write(folder: Path) -> None:
            (folder / METRICS_FILE).write_text(json.dumps(metrics, indent=2, sort_keys=True), encoding="utf-8")
            write_table(folder / QUERIES_FILE, queries)
            write_table(folder / SUMMARY_FILE, summary)

        with tracking.run_for(context.run_id, run_tags(context, EVALUATION)) as run:
            run.log_params(_parameters(settings) | _data_versions(store, settings))
            run.log_metrics(_finite(metrics, summary))
            with tempfile.TemporaryDirectory() as scratch:
                for name, png in drawings.items():
                    (Path(scratch) / f"{name}.png").write_bytes(png)
                    run.log_file(Path(scratch) / f"{name}.png", "plots")
            mlflow_run = run.run_id
        shown: dict[str, Any] = {name: markdown_picture(png) for name, png in drawings.items()}
        shown |= {"rankings": markdown_table(summary), "mlflow_run": mlflow_run}
        shown |= {name: value for name, value in metrics.items() if isinstance(value, int | float | str)}
        return publish(store, EVALUATION, write, metadata=shown)

    return evaluation


def _on_solution(
    store: Store, library: str, photos: pl.DataFrame, descriptors: npt.NDArray[np.float32]
) -> pl.DataFrame:
    """Score the served ranking, and plain cosine beside it, on the hidden labels."""
    served = score_neighbours(store, library)
    is_train = (photos["split"] == "train").to_numpy()
    test, train = photos.filter(~is_train), photos.filter(is_train)
    ids, _ = exact_neighbours(descriptors[is_train], descriptors[~is_train], min(DEPTH, train.height))
    nearest = pl.DataFrame(
        {
            "query": test["name"].gather(np.repeat(np.arange(len(ids)), ids.shape[1])),
            "rank": np.tile(np.arange(1, ids.shape[1] + 1), len(ids)),
            "name": train["name"].gather(ids.ravel()),
        }
    )
    cosine = score_ranked_names(nearest, open_table(store, SOLUTION), open_table(store, GALLERY))
    return _scored(
        "solution", served["name"], served["label"], served["average_precision"], cosine["average_precision"]
    )


def _by_cross_validation(
    context: dg.AssetExecutionContext, settings: Settings, photos: pl.DataFrame, descriptors: npt.NDArray[np.float32]
) -> pl.DataFrame:
    """Score the metric, and plain cosine beside it, on train photos that it has not seen."""
    is_train = (photos["split"] == "train").to_numpy()
    train = photos.filter(is_train)
    (classes,) = encode_labels(train["label"].to_list())
    groups = train["near_duplicate_group"].cast(pl.Int64).to_numpy()
    found = cross_validate(descriptors[is_train], classes, groups, settings.head, settings.evaluation)
    if isinstance(found, NotCrossValidated):
        context.log.info(f"not cross-validated: {found.reason}")
        return _scored("cross_validation", *(pl.Series(dtype=kind) for kind in QUERY_KINDS))
    return _cross_validated_rows(train, found)


def _cross_validated_rows(train: pl.DataFrame, found: CrossValidated) -> pl.DataFrame:
    asked = train[found.rows]
    scores, cosine = (pl.Series(values).fill_nan(None) for values in (found.scores, found.cosine_scores))
    return _scored("cross_validation", asked["name"], asked["label"], scores, cosine)


def _scored(source: str, name: pl.Series, label: pl.Series, served: pl.Series, cosine: pl.Series) -> pl.DataFrame:
    columns = {"name": name, "label": label, "average_precision": served, "cosine_average_precision": cosine}
    return pl.DataFrame(columns).select(pl.lit(source).alias("source"), pl.all())


def _summarise(queries: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Give MAP@10 of each source: of plain cosine, of the served ranking, and of the paired gain."""
    rows = []
    for source in SOURCES:
        asked = queries.filter(pl.col("source") == source)
        served = asked["average_precision"].fill_null(np.nan).to_numpy()
        cosine = asked["cosine_average_precision"].fill_null(np.nan).to_numpy()
        for ranking, scores in (("cosine", cosine), ("served", served), ("gain", served - cosine)):
            mean = mean_average_precision(scores, settings.evaluation.bootstrap, settings.evaluation.seed)
            if mean.queries:
                rows.append({"source": source, "ranking": ranking, **mean.as_dict()})
    return pl.DataFrame(rows, schema=SUMMARY_COLUMNS)


def _metrics(summary: pl.DataFrame) -> dict[str, Any]:
    """Give the contract's metrics: by the hidden labels where they are given, else by cross-validation."""
    served = {row["source"]: row for row in summary.filter(pl.col("ranking") == "served").iter_rows(named=True)}
    gains = {row["source"]: row["value"] for row in summary.filter(pl.col("ranking") == "gain").iter_rows(named=True)}
    source = next((one for one in SOURCES if one in served), None)
    if source is None:
        return {"map_at_10": None, "ci95": None, "queries": 0, "source": None}
    best = served[source]
    return {
        "map_at_10": best["value"],
        "ci95": [best["low"], best["high"]],
        "queries": best["queries"],
        "queries_without_relevant": best["queries_without_relevant"],
        "source": source,
        "gain_over_cosine": gains[source],
        "cross_validated_map_at_10": served.get("cross_validation", {}).get("value"),
    }


def _in_words(metrics: dict[str, Any]) -> str:
    if metrics["map_at_10"] is None:
        return "MAP@10 is not measured: there are no labels to measure with"
    low, high = metrics["ci95"]
    return f"MAP@10 {metrics['map_at_10']:.4f}, 95% interval {low:.4f} to {high:.4f}, by {metrics['source']}"


def _draw(queries: pl.DataFrame, summary: pl.DataFrame) -> dict[str, bytes]:
    if summary.is_empty():
        return {}
    source = summary["source"][0]
    asked = queries.filter(pl.col("source") == source, pl.col("average_precision").is_not_null())
    means = asked.group_by("label").agg(pl.col("average_precision").mean()).sort("label")
    rankings = summary.filter(pl.col("ranking") != "gain")
    names = [f"{one} ({by.replace('_', ' ')})" for one, by in rankings.select("ranking", "source").iter_rows()]
    return {
        "average_precision": plots.average_precision_histogram(asked["average_precision"].to_numpy()),
        "hardest_classes": plots.class_average_precision(dict(means.iter_rows())),
        "rankings": plots.steps_with_intervals(
            names, rankings["value"].to_list(), rankings.select("low", "high").rows()
        ),
    }


def _parameters(settings: Settings) -> dict[str, Any]:
    """Spell out the settings that decide the result, one parameter each."""
    stages = settings.model_dump(
        mode="json", include={"profile", "canny", "backbones", "clusters", "head", "faiss", "annoy"}
    )
    return _flat("", stages)


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
    if metrics["map_at_10"] is not None:
        found |= {
            "map_at_10": metrics["map_at_10"],
            "map_at_10_low": metrics["ci95"][0],
            "map_at_10_high": metrics["ci95"][1],
            "queries": metrics["queries"],
        }
    return found


def evaluation_checks() -> list[dg.AssetChecksDefinition]:
    """Build the check of this part."""
    return [ranking_beats_cosine]


@dg.asset_check(asset=EVALUATION, description="The learned ranking is not worse than plain cosine.")
def ranking_beats_cosine(store: Store) -> dg.AssetCheckResult:
    """Warn where the interval of the gain over plain cosine lies below zero."""
    gains = open_summary(store).filter(pl.col("ranking") == "gain")
    worst = float(gains["high"].min()) if gains.height else 0.0  # type: ignore[arg-type]
    return dg.AssetCheckResult(
        passed=worst >= 0, severity=dg.AssetCheckSeverity.WARN, metadata={"worst_upper_bound_of_gain": worst}
    )
