"""AP@10 of ranked photo names against labels: the tables of the pipeline in, one score a query out."""

import numpy as np
import polars as pl

from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.average_precision import average_precision, encode_labels, relevance
from imgsim_assets.retrieval.measures import precision_at_1, recall_at_k


def score_ranked_names(found: pl.DataFrame, truth: pl.DataFrame, gallery: pl.DataFrame) -> pl.DataFrame:
    """Score what was found for each labelled query.

    Args:
        found: `query`, `rank` (from 1), `name`: the ranked lists; ranks beyond ten do not count.
        truth: `name`, `label` of the queries to score.
        gallery: `name`, `label` (or null) of every photo that could have been found.

    Returns:
        `name`, `label`, `average_precision`, `precision_at_1`, `recall_at_10`, in the order of `truth`; null where
        the gallery holds no photo of the label. A query without a list found nothing.
    """
    queries = pl.DataFrame({"query": truth["name"], "row": np.arange(truth.height)})
    photos = pl.DataFrame({"name": gallery["name"], "photo": np.arange(gallery.height)})
    cells = found.filter(pl.col("rank") <= LIST).join(queries, on="query").join(photos, on="name")
    neighbours = np.full((truth.height, LIST), -1, dtype=np.int64)
    neighbours[cells["row"].to_numpy(), cells["rank"].to_numpy() - 1] = cells["photo"].to_numpy()
    asked, known = encode_labels(truth["label"].to_list(), gallery["label"].to_list())
    relevant = relevance(neighbours, asked, known)
    scores = {
        "average_precision": average_precision(*relevant, LIST),
        "precision_at_1": precision_at_1(*relevant),
        "recall_at_10": recall_at_k(*relevant, LIST),
    }
    return truth.select("name", "label").with_columns(
        pl.Series(name, values).fill_nan(None) for name, values in scores.items()
    )
