"""What more or less effort of an index buys: recall against speed, and the settings that nothing beats."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.retrieval.agreement import recall_by_score
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST, Index, Vectors
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.ann.search import Neighbours, search, timed_search
from imgsim_assets.retrieval.turns import Spread, time_in_turns

DOUBLINGS = range(-4, 5)  # of the effort that is set
PATIENCE = 3.0  # seconds that one round of a library's efforts may take; more effort is left out then
SECONDS = 5.0
TIMED = 250  # queries in the batch that is timed: enough to fill the cores
CURVE_COLUMNS = {
    "library": pl.String,
    "kind": pl.String,
    "effort": pl.Int64,
    "is_set": pl.Boolean,
    "recall_at_10": pl.Float64,
    "queries_per_second": pl.Float64,
    "queries_per_second_low": pl.Float64,
    "queries_per_second_high": pl.Float64,
    "rounds": pl.Int64,
    "on_front": pl.Boolean,
}


def effort_curves(indices: dict[str, Index], vectors: Vectors, queries: Vectors) -> pl.DataFrame:
    """Ask each index with efforts from a sixteenth of the one that is set to sixteen times as much, where it can.

    All queries ask once, for the recall; then the efforts take turns with one batch of `TIMED` of them, as often as the
    time for it allows (`turns.time_in_turns`).

    Args:
        indices: by library.
        vectors: float32 [n, d], what they hold.
        queries: float32 [q, d], q >= 1.

    Returns:
        `CURVE_COLUMNS`: one row per library and effort (null: the index has none to set, it looks at everything).
        `queries_per_second` is the median of the rounds, `_low` and `_high` are the quartiles. `on_front` marks what no
        other row beats in recall and in speed (the Pareto front over all libraries).
    """
    _, exact = exact_neighbours(vectors, queries, LIST)
    tried = [
        (library, one, found)
        for library, index in indices.items()
        for one, found in _asked_once(index, vectors, queries)
    ]
    timed = evenly(queries, TIMED)
    seconds = time_in_turns([functools.partial(search, one, vectors, timed, LIST) for _, one, _ in tried], SECONDS)
    rows = []
    for (library, index, found), took in zip(tried, seconds.T, strict=True):
        speed = Spread.of(len(timed) / took)
        recall = float(recall_by_score(found.scores, exact).mean())
        is_set = index.effort == indices[library].effort
        rows.append(
            (library, index.kind, index.effort, is_set, recall, speed.middle, speed.low, speed.high, len(seconds))
        )
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


def _asked_once(index: Index, vectors: Vectors, queries: Vectors) -> Iterator[tuple[Index, Neighbours]]:
    """Ask with less effort than is set, with that, and with more while there is patience."""
    spent = 0.0
    for effort in _efforts(index):
        if effort is not None and index.effort is not None and effort > index.effort and spent > PATIENCE:
            return
        one = index if effort is None else index.asked_with(effort, index.overfetch)
        found, seconds = timed_search(one, vectors, queries)
        spent += seconds
        yield one, found


def _efforts(index: Index) -> Sequence[int | None]:
    if index.effort is None:
        return [None]
    efforts = {round(index.effort * 2.0**doubling) for doubling in DOUBLINGS}
    return sorted({index.effort} | {one for one in efforts if index.least_effort <= one <= index.most_effort})
