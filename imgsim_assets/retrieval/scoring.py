"""AP@10 of ranked photo names against labels: the tables of the pipeline in, one score a query out."""

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.ann.search import Neighbours
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.label_codec import LabelCodec
from imgsim_assets.retrieval.measures import precision_at_1, recall_at_k
from imgsim_assets.retrieval.recipe import Recipe


def score_ranked_names(found: pl.DataFrame, truth: pl.DataFrame, gallery: pl.DataFrame) -> pl.DataFrame:
    """Score what was found for each labelled query.

    Args:
        found: `query`, `rank` (from 1), `name`: the ranked lists; ranks beyond ten do not count.
        truth: `name`, `label` of the queries to score.
        gallery: `name`, `label` of every photo that could have been found; null: it has none, and is taken out of the
            lists.

    Returns:
        `name`, `label`, `average_precision`, `precision_at_1`, `recall_at_10`, in the order of `truth`; null where
        the gallery holds no photo of the label, or no photo of the list has one. A query without a list found nothing.
    """
    queries = pl.DataFrame({"query": truth["name"], "row": np.arange(truth.height)})
    photos = gallery.select("name", judged=pl.col("label").is_not_null(), photo=np.arange(gallery.height))
    cells = found.filter(pl.col("rank") <= LIST).join(queries, on="query").join(photos, on="name")
    # A list that is shorter than asked ends by its own fault; photos without a label are nobody's.
    out = cells.filter(~pl.col("judged"))
    depths = LIST - np.bincount(out["row"].to_numpy(), minlength=truth.height)
    cells = cells.filter("judged").with_columns(pl.col("rank").rank("ordinal").over("row"))
    neighbours = np.full((truth.height, LIST), -1, dtype=np.int64)
    neighbours[cells["row"].to_numpy(), cells["rank"].to_numpy().astype(np.int64) - 1] = cells["photo"].to_numpy()
    labels = LabelCodec.of(truth["label"], gallery["label"])
    relevant = relevance(neighbours, labels.encode(truth["label"]), labels.encode(gallery["label"]))
    scores = {
        "average_precision": average_precision(*relevant, LIST, depths),
        "precision_at_1": np.where(depths > 0, precision_at_1(*relevant), np.nan),
        "recall_at_10": np.where(depths > 0, recall_at_k(*relevant, LIST), np.nan),
    }
    return truth.select("name", "label").with_columns(
        pl.Series(name, values).fill_nan(None) for name, values in scores.items()
    )


def first_confidence(names: pl.Series, queries: npt.NDArray[np.float32], classes: int, recipe: Recipe) -> pl.DataFrame:
    """Give each query the probability of its most probable class.

    Args:
        names: of the queries.
        queries: float32 [q, d]; they hold the probabilities of the classes first, unless they were expanded.
        classes: how many there are.
        recipe: how photos are ranked.

    Returns:
        `name`, `confidence`; empty where the recipe ranks without a probability.
    """
    if recipe.evidence == "likeness" or recipe.expansion:
        return pl.DataFrame(schema={"name": pl.String, "confidence": pl.Float64})
    best = np.asarray(queries[:, :classes], dtype=np.float64).max(axis=1, initial=0.0)
    return pl.DataFrame({"name": names, "confidence": np.clip(best, 0.0, 1.0)})


def ranked_lists(found: pl.DataFrame, count: int) -> dict[str, list[str]]:
    """Give the first `count` names of each `query`, best first, of rows with `query`, `rank` (from 1) and `name`."""
    rows = found.filter(pl.col("rank") <= count).sort("query", "rank")
    return dict(rows.group_by("query", maintain_order=True).agg("name").iter_rows())


def ranked_names(queries: pl.Series, gallery: pl.Series, found: Neighbours) -> pl.DataFrame:
    """Spell neighbour rows out: `query`, `rank` (from 1), `name`, `score`; a list shorter than asked has fewer rows."""
    count, listed = found.ids.shape
    rows = found.ids.ravel()
    table = pl.DataFrame(
        {
            "query": np.repeat(np.arange(count), listed),
            "rank": np.tile(np.arange(1, listed + 1, dtype=np.int32), count),
            "name": rows,
            "score": found.scores.ravel(),
        }
    ).filter(pl.col("name") >= 0)
    return table.with_columns(query=queries.gather(table["query"]), name=gallery.gather(table["name"]))
