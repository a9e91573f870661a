"""What a report shows first."""

import polars as pl
import pytest

from imgsim_assets.retrieval import exhibits

QUERIES = pl.DataFrame(
    {
        "name": ["a", "b", "c", "d", "e", "f"],
        "margin": [0.5, 0.9, 0.1, 0.4, 0.8, 0.1],
        "average_precision": [1.0, 1.0, 0.2, None, 0.2, 0.7],
    }
)
UNSCORED = QUERIES.with_columns(average_precision=pl.lit(None, dtype=pl.Float64))


@pytest.mark.parametrize(
    ("shown", "names"),
    [
        (exhibits.found, "bafec"),  # the best first, and of equals the surest
        (exhibits.missed, "ecf"),  # the worst first, and of equals the surest; none that is all right
        (exhibits.sure, ""),  # others are more telling
        (exhibits.unsure, "cfdaeb"),  # scored or not
    ],
)
def test_where_some_are_scored(shown, names):
    assert "".join(shown(QUERIES)["name"]) == names
    assert "".join(shown(QUERIES.reverse())["name"]) == names


def test_where_none_is_scored_the_surest_stand_for_the_best():
    assert "".join(exhibits.sure(UNSCORED)["name"]) == "beadcf"
    assert exhibits.found(UNSCORED).is_empty()
    assert exhibits.missed(UNSCORED).is_empty()
    assert "".join(exhibits.unsure(UNSCORED)["name"]) == "cfdaeb"


def test_lists_that_differ_in_order_or_in_length_differ():
    queries = pl.DataFrame({"name": ["c", "a", "b", "d"]})
    one = {"a": ["x", "y"], "b": ["x"], "c": ["x", "y"]}
    other = {"a": ["x", "y"], "b": ["x", "y"], "c": ["y", "x"]}
    assert exhibits.differing(queries, one, other)["name"].to_list() == ["c", "b"]
