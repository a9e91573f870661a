"""The verdict says what the numbers say, and nothing where they do not tell."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.retrieval.verdict import LEAST_QUERIES, verdict

NAMES = {"faiss": "FAISS", "annoy": "Annoy"}


def with_quartiles(table: pl.DataFrame, measure: str, spread: float) -> pl.DataFrame:
    return table.with_columns(
        (pl.col(measure) * (1 - spread)).alias(f"{measure}_low"),
        (pl.col(measure) * (1 + spread)).alias(f"{measure}_high"),
    )


def comparison(
    speeds=(1000.0, 250.0), recalls=(1.0, 0.99), scores=(0.91, 0.9), spread=0.02, queries=400, alone=(1.0, 2.0)
) -> pl.DataFrame:
    table = pl.DataFrame(
        {
            "library": ["faiss", "annoy"],
            "queries": [queries, queries],
            "rounds": [15, 15],
            "recall_at_10": recalls,
            "overlap_at_10": [0.985, 0.985],
            "p50_ms": alone,
            "queries_per_second": speeds,
            "build_seconds": [0.1, 5.0],
            "add_seconds": [0.01, 5.0],
            "stored_bytes": [3000, 1000],
            "map_at_10": scores,
        }
    )
    return with_quartiles(with_quartiles(table, "queries_per_second", spread), "p50_ms", spread)


def curves(*points: tuple[str, float, float], spread=0.02) -> pl.DataFrame:
    """FAISS has no effort to set; Annoy's rises."""
    rows = [
        (library, None if library == "faiss" else 100 * place, *rest) for place, (library, *rest) in enumerate(points)
    ]
    schema = {"library": pl.String, "effort": pl.Int64, "recall_at_10": pl.Float64, "queries_per_second": pl.Float64}
    return with_quartiles(pl.DataFrame(rows, schema=schema, orient="row"), "queries_per_second", spread)


BOTH = curves(("faiss", 1.0, 1000.0), ("annoy", 0.96, 3000.0), ("annoy", 0.99, 500.0), ("annoy", 0.999, 100.0))


def test_the_faster_of_two_that_find_the_same_is_taken():
    words = verdict(comparison(recalls=(1.0, 0.997)), BOTH, NAMES)
    assert words.startswith("Take FAISS. Of what exact search finds, FAISS finds 100.0% and Annoy 99.7%;")
    assert "their lists share 98.5%, and MAP@10 is 0.9100 against 0.9000." in words
    assert "FAISS answers 4 times as many queries a second in batches as Annoy" in words
    assert "takes 0.5 times as long for one alone (medians of 15 rounds, in turns)" in words
    assert "takes 0.02 times as long to build, 0.002 times as long to take in one more photo" in words
    assert "to each hundred, and 3 times as much room" in words
    assert "a recall of 0.95, Annoy (effort 100) is 3 times as fast as FAISS." in words
    assert "a recall of 0.99, FAISS is 2 times as fast as Annoy (effort 200)." in words


def test_speed_does_not_buy_recall():
    assert verdict(comparison((100.0, 1000.0), (1.0, 0.9)), BOTH, NAMES).startswith("Take FAISS.")
    assert verdict(comparison((100.0, 1000.0), (0.9, 1.0)), BOTH, NAMES).startswith("Take Annoy.")
    assert verdict(comparison((100.0, 1000.0), (1.0, 0.996)), BOTH, NAMES).startswith("Take Annoy.")


@pytest.mark.parametrize(
    "measured",
    [
        comparison((1000.0, 250.0), (1.0, 1.0), spread=0.7),  # one call each could have said anything
        comparison((1000.0, 950.0), (1.0, 1.0), spread=0.001),  # apart, and yet no difference
        comparison((1000.0, 1000.0), (1.0, 1.0)),
    ],
)
def test_where_quartiles_overlap_or_hardly_differ_either_may_be_taken(measured):
    words = verdict(measured, BOTH, NAMES)
    assert words.startswith("Take either: they find as much, and about as fast.")
    assert "answers about as many queries a second in batches as" in words


def test_for_one_alone_no_difference_is_claimed_that_the_rounds_do_not_show():
    words = verdict(comparison(alone=(1.0, 1.03)), BOTH, NAMES)
    assert words.startswith("Take FAISS.")
    assert "takes about as long for one alone" in words


def test_few_queries_give_no_verdict_and_no_speed():
    words = verdict(comparison(queries=LEAST_QUERIES - 1), BOTH, NAMES)
    assert words.startswith(
        f"No verdict: {LEAST_QUERIES - 1} photos asked, and fewer than {LEAST_QUERIES} do not tell."
    )
    assert "finds 100.0% and Annoy 99.0%" in words
    assert "Take" not in words
    assert "fast" not in words
    assert verdict(comparison(queries=LEAST_QUERIES), BOTH, NAMES).startswith("Take FAISS.")


def test_without_hidden_labels_no_score_is_named():
    assert "MAP@10" not in verdict(comparison(scores=(None, None)), BOTH, NAMES)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([("faiss", 0.9, 1.0), ("annoy", 0.9, 1.0)], "Neither reaches a recall of 0.95."),
        ([("faiss", 0.96, 1.0), ("annoy", 0.9, 1.0)], "Only FAISS reaches a recall of 0.95. Neither"),
        ([("faiss", 1.0, 105.0), ("annoy", 1.0, 100.0)], "of 0.99, FAISS is about as fast as Annoy (effort 100)."),
    ],
)
def test_what_is_reached_by_whom(points, said):
    assert said in verdict(comparison(), curves(*points), NAMES)


@given(st.lists(st.floats(1.0, 1e5), min_size=2, max_size=2), st.floats(0.0, 0.5))
def test_table_and_curves_of_one_measurement_never_name_two_as_the_faster(speeds, spread):
    """Each library has one setting, and finds everything: what is set is what is fastest."""
    points = [("faiss", 1.0, speeds[0]), ("annoy", 1.0, speeds[1])]
    words = verdict(comparison(speeds, (1.0, 1.0), spread=spread), curves(*points, spread=spread), NAMES)
    slower = "FAISS" if np.argmin(speeds) == 0 else "Annoy"
    assert f"Take {slower}." not in words
    assert f"{slower} is " not in words or "about as fast" in words or speeds[0] == speeds[1]
    assert ("about as fast." in words) == ("is about as fast as" in words)
