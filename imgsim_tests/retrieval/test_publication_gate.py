import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.retrieval.publication_gate import Quality, judge, refusals

CHAMPION = Quality(map_at_10=0.8, low=0.78, high=0.82, recall={"faiss": 1.0, "annoy": 0.99})


def verdict(challenger: Quality, champion: Quality | None = CHAMPION, foreign: dict[str, int] | None = None) -> str:
    criteria = judge(challenger, champion, least_recall=0.95, served="faiss", foreign=foreign or {})
    return refusals(criteria)


def changed(**values: object) -> Quality:
    return CHAMPION.model_copy(update=values)


@pytest.mark.parametrize(
    ("challenger", "words"),
    [
        (changed(map_at_10=0.779), "quality: asked cross-validated MAP@10 at least 0.7800 .*found 0.7790"),
        (changed(recall={"faiss": 0.94, "annoy": 1.0}), "recall: asked recall@10 of faiss at least 0.950, found 0.940"),
        (changed(recall={}), "recall"),
    ],
)
def test_what_is_worse_is_refused_with_both_numbers(challenger, words):
    import re

    assert re.search(words, verdict(challenger))


@pytest.mark.parametrize(
    "challenger",
    [
        CHAMPION,
        changed(map_at_10=0.78),  # lower, but within the champion's interval
        changed(map_at_10=0.9),
        changed(recall={"faiss": 0.95, "annoy": 0.1}),  # only the index that answers counts
        changed(map_at_10=None, low=None, high=None),
    ],
)
def test_what_is_not_worse_is_let_through(challenger):
    assert verdict(challenger) == ""


def test_the_first_needs_recall_and_ids_only():
    assert verdict(changed(map_at_10=0.1), champion=None) == ""
    assert "ids" in verdict(CHAMPION, champion=None, foreign={"submission": 2, "annoy": 0})
    assert "2 in submission" in verdict(CHAMPION, champion=None, foreign={"submission": 2, "annoy": 0})


@given(st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 1))
def test_it_never_lets_through_what_lies_below_the_interval(middle, width, new):
    champion = Quality(map_at_10=middle, low=middle - width, high=middle + width, recall={"faiss": 1.0})
    refused = bool(verdict(Quality(map_at_10=new, low=0, high=1, recall={"faiss": 1.0}), champion))
    assert refused == (new < middle - width)
