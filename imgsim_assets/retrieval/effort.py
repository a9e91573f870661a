"""What more or less effort of an index buys: recall against speed, and the settings that nothing beats."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.retrieval.agreement import overlap
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST, Index, Vectors
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.ann.search import timed_search

QUERIES = 200
DOUBLINGS = range(-4, 5)  # of the effort that is set
CURVE_COLUMNS = {
    "library": pl.String,
    "kind": pl.String,
    "effort": pl.Int64,
    "is_set": pl.Boolean,
    "recall_at_10": pl.Float64,
    "queries_per_second": pl.Float64,
    "on_front": pl.Boolean,
}


def effort_curves(indices: dict[str, Index], vectors: Vectors, queries: Vectors) -> pl.DataFrame:
    """Ask each index with efforts from a sixteenth of the one that is set to sixteen times as much, where it can.

    Args:
        indices: by library.
        vectors: float32 [n, d], what they hold.
        queries: float32 [q, d]; 200 of them ask, evenly spaced.

    Returns:
        `CURVE_COLUMNS`: one row per library and effort (null: the index has none to set, it looks at everything).
        `on_front` marks what no other row beats in recall and in speed (the Pareto front over all libraries).
    """
    asked = evenly(queries, QUERIES)
    exact, _ = exact_neighbours(vectors, asked, LIST)
    rows = []
    for library, index in indices.items():
        for effort in _efforts(index):
            tried = index if effort is None else index.asked_with(effort, index.overfetch)
            found, seconds = timed_search(tried, vectors, asked)
            recall = float(overlap(found.ids, exact).mean())
            rows.append((library, index.kind, effort, effort == index.effort, recall, len(asked) / seconds))
    table = pl.DataFrame(rows, schema=dict(list(CURVE_COLUMNS.items())[:-1]), orient="row")
    front = pareto_front(table["recall_at_10"].to_numpy(), table["queries_per_second"].to_numpy())
    return table.with_columns(pl.Series("on_front", front))


def fastest(curves: pl.DataFrame, recall: float) -> pl.DataFrame:
    """Give the row of each library that is fastest among those that reach `recall`; no row for one that does not."""
    reached = curves.filter(pl.col("recall_at_10") >= recall).sort("queries_per_second", descending=True)
    return reached.unique("library", keep="first", maintain_order=True)


def pareto_front(recall: npt.NDArray[np.float64], speed: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Mark what nothing beats: no other is better in one of `recall` [n] and `speed` [n] and not worse in the other."""
    better = (recall[:, None] >= recall) & (speed[:, None] >= speed)
    strictly = (recall[:, None] > recall) | (speed[:, None] > speed)
    return np.asarray(~(better & strictly).any(axis=0))


def _efforts(index: Index) -> Sequence[int | None]:
    if index.effort is None:
        return [None]
    efforts = {round(index.effort * 2.0**doubling) for doubling in DOUBLINGS}
    return sorted({index.effort} | {one for one in efforts if index.least_effort <= one <= index.most_effort})
