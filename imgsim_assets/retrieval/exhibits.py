"""Which queries a report shows first: what was found best and worst, and where the ranking is sure and unsure.

Each function takes queries with `name`, `margin` and `average_precision` (null: not scored), and gives those that
belong there, the most telling first; equal ones by name.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl


def found(queries: pl.DataFrame) -> pl.DataFrame:
    """Give the scored ones, the highest AP@10 first, and among those the widest margin."""
    return _scored(queries).sort("average_precision", "margin", "name", descending=[True, True, False])


def missed(queries: pl.DataFrame) -> pl.DataFrame:
    """Give those that are not all right, the lowest AP@10 first, and among those the widest margin."""
    wrong = _scored(queries).filter(pl.col("average_precision") < 1)
    return wrong.sort("average_precision", "margin", "name", descending=[False, True, False])


def sure(queries: pl.DataFrame) -> pl.DataFrame:
    """Give all, the widest margin first; none where some are scored, which is more telling."""
    return queries.sort("margin", "name", descending=[True, False]).filter(_scored(queries).is_empty())


def unsure(queries: pl.DataFrame) -> pl.DataFrame:
    """Give all, the narrowest margin first."""
    return queries.sort("margin", "name")


def differing(
    queries: pl.DataFrame, one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """Give those for which two lists, by name, are not the same; in the order of `queries`."""
    names = [name for name in queries["name"] if one.get(name) != other.get(name)]
    return queries.filter(pl.col("name").is_in(names))


BY_TITLE: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "Found": found,
    "Missed": missed,
    "Sure": sure,
    "Unsure": unsure,
}


def _scored(queries: pl.DataFrame) -> pl.DataFrame:
    return queries.filter(pl.col("average_precision").is_not_null())
