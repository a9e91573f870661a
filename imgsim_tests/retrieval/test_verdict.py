"""The verdict says what the numbers say."""

import polars as pl
import pytest

from imgsim_assets.retrieval.verdict import verdict

NAMES = {"faiss": "FAISS", "annoy": "Annoy"}


def comparison(speeds=(1000.0, 250.0), recalls=(1.0, 0.99), scores=(0.91, 0.9)) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "library": ["faiss", "annoy"],
            "recall_at_10": recalls,
            "overlap_at_10": [0.985, 0.985],
            "p50_ms": [1.0, 2.0],
            "queries_per_second": speeds,
            "build_seconds": [0.1, 5.0],
            "add_seconds": [0.01, 5.0],
            "stored_bytes": [3000, 1000],
            "map_at_10": scores,
        }
    )


def curves(*points: tuple[str, float, float]) -> pl.DataFrame:
    """FAISS has no effort to set; Annoy's rises."""
    rows = [
        (library, None if library == "faiss" else 100 * place, *rest) for place, (library, *rest) in enumerate(points)
    ]
    schema = {"library": pl.String, "effort": pl.Int64, "recall_at_10": pl.Float64, "queries_per_second": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


BOTH = curves(("faiss", 1.0, 1000.0), ("annoy", 0.96, 3000.0), ("annoy", 0.99, 500.0), ("annoy", 0.999, 100.0))


def test_the_faster_of_two_that_find_the_same_is_taken():
    words = verdict(comparison(recalls=(1.0, 0.997)), BOTH, NAMES)
    assert words.startswith("Take FAISS. Of what exact search finds, it finds 100.0% and Annoy 99.7%;")
    assert "their lists share 98.5%, and MAP@10 is 0.9100 against 0.9000." in words
    assert "answers 4 times as many queries a second" in words
    assert "takes 0.5 times as long for one alone" in words
    assert "0.02 times as long to build, 0.002 times as long to take in one more photo" in words
    assert "to each hundred, and 3 times as much room" in words
    assert "a recall of 0.95, Annoy (effort 100) is 3 times as fast as FAISS." in words
    assert "a recall of 0.99, FAISS is 2 times as fast as Annoy (effort 200)." in words


def test_speed_does_not_buy_recall():
    assert verdict(comparison((100.0, 1000.0), (1.0, 0.9)), BOTH, NAMES).startswith("Take FAISS.")
    assert verdict(comparison((100.0, 1000.0), (1.0, 0.996)), BOTH, NAMES).startswith("Take Annoy.")


def test_without_hidden_labels_no_score_is_named():
    assert "MAP@10" not in verdict(comparison(scores=(None, None)), BOTH, NAMES)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([("faiss", 0.9, 1.0), ("annoy", 0.9, 1.0)], "Neither reaches a recall of 0.95."),
        ([("faiss", 0.96, 1.0), ("annoy", 0.9, 1.0)], "Only FAISS reaches a recall of 0.95. Neither"),
        ([("faiss", 1.0, 105.0), ("annoy", 1.0, 100.0)], "a recall of 0.99, FAISS is as fast as Annoy (effort 100)."),
    ],
)
def test_what_is_reached_by_whom(points, said):
    assert said in verdict(comparison(), curves(*points), NAMES)
