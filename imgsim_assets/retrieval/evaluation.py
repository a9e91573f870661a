"""Scores of single queries put together: MAP@10 with its interval, by source of labels and by ranking.

A table of scored queries has the columns of `QUERY_COLUMNS`: where the labels come from (`solution`: hidden labels
of test photos, known by name; `cross_validation`: labels of train photos that the metric had not seen, known by content
id), whether the query has a copy in the other split, and AP@10 of the served ranking and of plain cosine, null where no
train photo carries the query's label.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.average_precision import mean_average_precision
from imgsim_assets.retrieval.coverage import coverage_in_words
from imgsim_assets.retrieval.cross_validation import cross_validate, score_cosine
from imgsim_assets.retrieval.folds import NotCrossValidated, deal_folds
from imgsim_assets.retrieval.learning_set import Pool
from imgsim_assets.retrieval.measures import calibration
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.scoring import score_ranked_names
from imgsim_assets.settings import Evaluation

Source = Literal["solution", "cross_validation"]
SOURCES: tuple[Source, Source] = ("solution", "cross_validation")  # the more telling first
MEASURES = ("precision_at_1", "recall_at_10", "calibration_error", "brier_score")
QUERY_COLUMNS: dict[str, Any] = {
    "source": pl.String,
    "photo": pl.String,
    "label": pl.String,
    "leaked": pl.Boolean,
    "average_precision": pl.Float64,
    "cosine_average_precision": pl.Float64,
}
SUMMARY_COLUMNS: dict[str, Any] = {
    "source": pl.String,
    "ranking": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "queries": pl.Int64,
    "queries_without_relevant": pl.Int64,
}


def score_on_solution(
    served: pl.DataFrame, truth: pl.DataFrame, photos: pl.DataFrame, descriptors: npt.NDArray[np.float32]
) -> pl.DataFrame:
    """Put plain cosine beside the served ranking, on the hidden labels.

    Args:
        served: what `score_ranked_names` gave for the served ranking.
        truth: `name`, `label` of test photos; may be empty.
        photos: `split`, `name`, `label`, `leaked` of all photos with a descriptor.
        descriptors: float32 [n, d] of `photos`, norm 1.
    """
    is_train = (photos["split"] == "train").to_numpy()
    test, train = photos.filter(~is_train), photos.filter(is_train)
    ids, _ = exact_neighbours(descriptors[is_train], descriptors[~is_train], min(LIST, train.height))
    nearest = pl.DataFrame(
        {
            "query": test["name"].gather(np.repeat(np.arange(len(ids)), ids.shape[1])),
            "rank": np.tile(np.arange(1, ids.shape[1] + 1), len(ids)),
            "name": train["name"].gather(ids.ravel()),
        }
    )
    cosine = score_ranked_names(nearest, truth, train)
    leaked = truth.join(test.select("name", "leaked"), on="name", how="left", maintain_order="left")["leaked"]
    asked = served.rename({"name": "photo"}).with_columns(leaked.fill_null(value=False))
    return _scored("solution", asked, served["average_precision"], cosine["average_precision"])


def score_by_cross_validation(
    photos: pl.DataFrame,
    pool: Pool,
    cosine: npt.NDArray[np.float32],
    *,
    recipe: Recipe,
    confidence: float,
    evaluation: Evaluation,
) -> tuple[pl.DataFrame, str | None]:
    """Score what is learned, and plain cosine beside it, on train photos that it has not seen.

    Args:
        photos: `content_id`, `label`, `leaked`.
        pool: the same photos, in the recipe's coordinates.
        cosine: float32 [n, d], their plain descriptors, norm 1.
        recipe: how photos are ranked.
        confidence: guessed classes below it are not learned from.
        evaluation: settings of the split.

    Returns:
        The scored queries, and why there are none if there are none.
    """
    left_out = photos["leaked"].to_numpy() & (evaluation.leaked == "leave_out")
    folds = deal_folds(pool.classes, pool.groups, evaluation.folds, evaluation.seed, left_out)
    if isinstance(folds, NotCrossValidated):
        return pl.DataFrame(schema=QUERY_COLUMNS), folds.reason
    served = pl.Series(cross_validate(pool, folds, recipe, confidence)).fill_nan(None)
    plain = pl.Series(score_cosine(cosine, pool.classes, folds)).fill_nan(None)
    return _scored("cross_validation", photos[folds.rows].rename({"content_id": "photo"}), served, plain), None


def _scored(source: Source, asked: pl.DataFrame, served: pl.Series, cosine: pl.Series) -> pl.DataFrame:
    return asked.select(
        pl.lit(source).alias("source"),
        "photo",
        "label",
        "leaked",
        served.alias("average_precision"),
        cosine.alias("cosine_average_precision"),
    )


def summarise(queries: pl.DataFrame, evaluation: Evaluation) -> pl.DataFrame:
    """Give MAP@10 of each source: of plain `cosine`, of the `served` ranking, and of the paired `gain`.

    `served_without_copies` is the served ranking on queries without a copy in the other split, where some have one.
    """
    rows = []
    for source in SOURCES:
        asked = queries.filter(pl.col("source") == source)
        served = asked["average_precision"].fill_null(np.nan).to_numpy()
        cosine = asked["cosine_average_precision"].fill_null(np.nan).to_numpy()
        rankings = {"cosine": cosine, "served": served, "gain": served - cosine}
        if asked["leaked"].any():
            rankings["served_without_copies"] = served[~asked["leaked"].to_numpy()]
        for ranking, scores in rankings.items():
            mean = mean_average_precision(scores, evaluation.bootstrap, evaluation.seed)
            if mean.queries:
                rows.append({"source": source, "ranking": ranking, **mean.as_dict()})
    return pl.DataFrame(rows, schema=SUMMARY_COLUMNS)


def served_measures(served: pl.DataFrame, confidence: pl.DataFrame) -> dict[str, float]:
    """Measure the served ranking on the hidden labels beside MAP@10; empty where none of them can be scored.

    Args:
        served: what `score_ranked_names` gave.
        confidence: `name`, `confidence`: the probability that each query's first photo shows its class.
    """
    scored = served.filter(pl.col("precision_at_1").is_not_null()).join(confidence, on="name")
    if scored.is_empty():
        return {}
    first = scored["precision_at_1"].to_numpy()
    calibrated = calibration(scored["confidence"].to_numpy(), first > 0)
    return {
        "precision_at_1": float(first.mean()),
        "recall_at_10": float(scored["recall_at_10"].to_numpy().mean()),
        "calibration_error": calibrated.expected_error,
        "brier_score": calibrated.brier,
    }


def headline_metrics(summary: pl.DataFrame) -> dict[str, Any]:
    """Give what `metrics.json` holds: by the hidden labels where they are given, else by cross-validation."""
    served = {row["source"]: row for row in summary.filter(pl.col("ranking") == "served").iter_rows(named=True)}
    gains = dict(summary.filter(pl.col("ranking") == "gain").select("source", "value").iter_rows())
    source = next((one for one in SOURCES if one in served), None)
    if source is None:
        return {"map_at_10": None, "ci95": None, "queries": 0, "source": None}
    best = served[source]
    clean = summary.filter(pl.col("source") == source, pl.col("ranking") == "served_without_copies")["value"].to_list()
    return {
        "map_at_10": best["value"],
        "ci95": [best["low"], best["high"]],
        "queries": best["queries"],
        "queries_without_relevant": best["queries_without_relevant"],
        "source": source,
        "gain_over_cosine": gains[source],
        "map_at_10_without_copies": clean[0] if clean else best["value"],
        "cross_validated_map_at_10": served.get("cross_validation", {}).get("value"),
    }


def headline_queries(queries: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """Keep the scored queries of the headline's source of labels; none where there is no headline."""
    if summary.is_empty():
        return queries.clear()
    return queries.filter(pl.col("source") == summary["source"][0], pl.col("average_precision").is_not_null())


def as_numbers(metrics: dict[str, Any], summary: pl.DataFrame) -> dict[str, float]:
    """Give what the two functions above measured, and each ranking's MAP@10 by each source, as finite numbers."""
    found = {f"{row['source']}_{row['ranking']}": row["value"] for row in summary.iter_rows(named=True)}
    found |= {name: metrics[name] for name in MEASURES if name in metrics}
    if metrics["map_at_10"] is not None:
        low, high = metrics["ci95"]
        found |= {"map_at_10": metrics["map_at_10"], "map_at_10_low": low, "map_at_10_high": high}
        found["queries"] = metrics["queries"]
    return found


def in_words(metrics: dict[str, Any]) -> str:
    """Say what `headline_metrics` gave, and what the score is not about."""
    if metrics["map_at_10"] is None:
        return f"MAP@10 not measured: there are no labels to measure with{coverage_in_words(metrics)}"
    low, high = metrics["ci95"]
    return (
        f"MAP@10 {metrics['map_at_10']:.4f} (95% interval {low:.4f} to {high:.4f}; {metrics['queries']} queries; "
        f"by {metrics['source'].replace('_', ' ')}){coverage_in_words(metrics)}"
    )
