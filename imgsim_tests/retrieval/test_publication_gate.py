import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.retrieval.average_precision import mean_average_precision
from imgsim_assets.retrieval.publication_gate import Quality, foreign_names, gate_criteria, refusals


def validated(scores: list[float], start: int = 0, label: str = "fish") -> pl.DataFrame:
    names = [f"{number}.jpg" for number in range(start, start + len(scores))]
    return pl.DataFrame(
        {"photo": names, "label": [label] * len(scores), "average_precision": scores},
        schema={"photo": pl.String, "label": pl.String, "average_precision": pl.Float64},
    )


SCORES = list(np.linspace(0.6, 1.0, 100))  # mean 0.8, interval about 0.777 to 0.823
RECALL = {"faiss": 1.0, "annoy": 0.99}
CHAMPION = Quality(validated(SCORES), RECALL)


def verdict(challenger: Quality, champion: Quality | None = CHAMPION, foreign: dict[str, int] | None = None) -> str:
    return refusals(gate_criteria(challenger, champion, least_recall=0.95, served="faiss", foreign=foreign or {}))


def shifted(by: float, **where: object) -> pl.DataFrame:
    return validated([score + by for score in SCORES], **where)


@pytest.mark.parametrize(
    ("challenger", "words"),
    [
        (
            Quality(shifted(-0.03), RECALL),
            r"quality: asked cross-validated MAP@10 at least 0\.77.*published: 0\.8000.*0\.7700",
        ),
        (
            Quality(shifted(0.0), {"faiss": 0.94, "annoy": 1.0}),
            "recall: asked recall@10 of faiss at least 0.950, found 0.940",
        ),
        (Quality(shifted(0.0), {}), "recall"),
    ],
)
def test_what_is_worse_is_refused_with_both_numbers(challenger, words):
    assert re.search(words, verdict(challenger))


@pytest.mark.parametrize(
    "challenger",
    [
        CHAMPION,
        Quality(shifted(-0.015), RECALL),  # lower, but within the champion's interval
        Quality(shifted(0.1), RECALL),
        Quality(shifted(0.0), {"faiss": 0.95, "annoy": 0.1}),  # only the index that answers counts
    ],
)
def test_what_is_not_worse_is_let_through(challenger):
    assert verdict(challenger) == ""


@pytest.mark.parametrize(
    "table",
    [
        validated([]),  # all labels taken away
        shifted(-0.5)[:70],  # a third of the labels taken away
        shifted(-0.5, start=30),  # other photos
        shifted(-0.5, label="bird"),  # other labels
    ],
)
def test_what_cannot_be_compared_is_let_through_and_says_so(table):
    challenger = Quality(table, RECALL)
    assert verdict(challenger) == ""
    criteria = gate_criteria(challenger, CHAMPION, least_recall=0.95, served="faiss", foreign={})
    assert criteria[0].found.endswith("of 100: not compared")


@pytest.mark.parametrize(("shared", "compared"), [(100, True), (80, True), (79, False), (50, False)])
def test_four_fifths_of_the_photos_make_two_rankings_comparable(shared, compared):
    """Of the larger side, whichever it is."""
    worse = shifted(-0.5)
    fewer = gate_criteria(Quality(worse[:shared], RECALL), CHAMPION, least_recall=0.95, served="faiss", foreign={})
    larger = Quality(validated(SCORES[:shared]), RECALL)
    more = gate_criteria(Quality(worse, RECALL), larger, least_recall=0.95, served="faiss", foreign={})
    for criteria in (fewer, more):
        assert criteria[0].passed != compared
        assert criteria[0].found.endswith("not compared") != compared


@pytest.mark.parametrize("counts", [{}, {"submission": 0, "annoy_index": 0}])
def test_the_same_ids_are_no_reason_and_any_other_one_is(counts):
    assert verdict(CHAMPION, foreign=counts) == ""
    refused = verdict(CHAMPION, foreign=counts | {"faiss_index": 1})
    assert refused == "ids: asked the same photos in gallery, indices and submission, found 1 in faiss_index"


def test_a_name_that_the_gallery_does_not_know_is_foreign_once_however_often_it_stands_in_lists():
    lists = {"asked": ["a", "gone"], "other": ["b", "gone", "never"]}
    assert foreign_names(lists, ["a", "b", "c"]) == 2
    assert foreign_names({"asked": ["b", "a"]}, ["a", "b", "c"]) == 0


def test_only_photos_that_asked_in_both_count():
    """What was added is hard, but no reason to refuse: on the photos of the champion nothing became worse."""
    harder = pl.concat([shifted(0.0), validated([0.0] * 20, start=100)])
    assert verdict(Quality(harder, RECALL)) == ""


def test_the_first_needs_recall_and_ids_only():
    assert verdict(Quality(shifted(-0.5), RECALL), champion=None) == ""
    assert "2 in submission" in verdict(CHAMPION, champion=None, foreign={"submission": 2, "annoy": 0})


@given(st.floats(-0.2, 0.2))
def test_it_never_lets_through_what_lies_below_the_interval(by):
    low = mean_average_precision(np.array(SCORES)).low
    table = shifted(by)
    refused = bool(verdict(Quality(table, RECALL)))
    assert refused == (float(table["average_precision"].mean()) < low)
