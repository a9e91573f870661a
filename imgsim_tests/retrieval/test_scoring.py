"""AP@10 of named lists, beside a scorer that is written as the definition reads."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.ann.search import Neighbours
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.scoring import first_confidence, ranked_lists, ranked_names, score_ranked_names
from imgsim_tests.budget import examples

TEXT = {"name": pl.String, "label": pl.String}


def as_found(lists: dict[str, list[str]]) -> pl.DataFrame:
    rows = [(query, rank, name) for query, names in lists.items() for rank, name in enumerate(names, 1)]
    return pl.DataFrame(rows, schema={"query": pl.String, "rank": pl.Int32, "name": pl.String}, orient="row")


def as_table(labels: dict[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(list(labels.items()), schema=TEXT, orient="row")


def naive(names: list[str], label: str, gallery: dict[str, str | None]) -> float | None:
    relevant = [name for name, known in gallery.items() if known == label]
    judged = [name for name in names[:10] if gallery[name] is not None]
    depth = 10 - (len(names[:10]) - len(judged))
    if not relevant or not depth:
        return None
    total = 0.0
    for rank, name in enumerate(judged, 1):
        if name in relevant:
            total += sum(one in relevant for one in judged[:rank]) / rank
    return total / min(depth, len(relevant))


@st.composite
def searches(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, str], dict[str, str | None]]:
    label = st.sampled_from(["ant", "bee", "cow"])
    gallery = {f"g{number}": draw(st.none() | label) for number in range(draw(st.integers(1, 25)))}
    truth = {f"q{number}": draw(label) for number in range(draw(st.integers(1, 6)))}
    asked = draw(st.lists(st.sampled_from([*truth, "other"]), unique=True))
    lists = {query: draw(st.permutations(sorted(gallery)))[: draw(st.integers(0, 25))] for query in asked}
    return lists, truth, gallery


def test_a_photo_without_a_label_is_neither_right_nor_wrong():
    gallery: dict[str, str | None] = {"twin": None, **{f"cat{n}": "cat" for n in range(12)}, "dog": "dog"}
    right = [f"cat{n}" for n in range(9)]

    def score(names: list[str]) -> tuple[float | None, ...]:
        scored = score_ranked_names(as_found({"q": names}), as_table({"q": "cat"}), as_table(gallery))
        return scored.select("average_precision", "precision_at_1").row(0)

    assert score(["twin", *right]) == (1.0, 1.0)
    assert score([*right[:4], "twin", *right[4:]]) == (1.0, 1.0)
    wrong, _ = score(["dog", *right])
    assert wrong < 0.9
    assert score(["twin", "dog", *right[:8]])[1] == 0.0
    unlabelled = dict.fromkeys((f"x{n}" for n in range(10)), None)
    scored = score_ranked_names(
        as_found({"q": list(unlabelled)}), as_table({"q": "cat"}), as_table({**gallery, **unlabelled})
    )
    assert scored.row(0)[2:] == (None, None, None)  # nothing that was listed can be judged


@settings(max_examples=examples(150))
@given(search=searches(), shuffle=st.randoms(use_true_random=False))
def test_scores_are_those_of_the_definition(search, shuffle):
    """Whatever the order of the rows, and with queries nobody scores, unlabelled photos and short lists."""
    lists, truth, gallery = search
    rows = as_found(lists).rows()
    shuffle.shuffle(rows)
    found = pl.DataFrame(rows, schema=as_found({}).schema, orient="row")
    scored = score_ranked_names(found, as_table(truth), as_table(gallery))
    assert scored.columns == ["name", "label", "average_precision", "precision_at_1", "recall_at_10"]
    assert scored["name"].to_list() == list(truth)
    assert scored["label"].to_list() == list(truth.values())
    expected = [naive(lists.get(query, []), label, gallery) for query, label in truth.items()]
    for one, other in zip(scored["average_precision"].to_list(), expected, strict=True):
        assert one == (None if other is None else pytest.approx(other, abs=1e-12))


def test_worked_by_hand():
    gallery = {"a": "ant", "b": "bee", "c": "ant", "d": None}
    lists = {"q": ["a", "b", "c"], "r": ["b", "d", "a"]}
    scored = score_ranked_names(as_found(lists), as_table({"q": "ant", "r": "ant", "s": "cow"}), as_table(gallery))
    found = scored["average_precision"].to_list()
    assert found == [pytest.approx((1 + 2 / 3) / 2), pytest.approx(1 / 2 / 2), None]  # d is taken out


def test_ranks_beyond_ten_do_not_count():
    names = [f"g{number}" for number in range(12)]
    gallery = {name: "bee" if rank > LIST else "ant" for rank, name in enumerate(names, 1)}
    scored = score_ranked_names(as_found({"q": names}), as_table({"q": "bee"}), as_table(gallery))
    assert scored["average_precision"].to_list() == [0.0]


def test_no_labels_to_score_with_is_an_empty_table():
    scored = score_ranked_names(as_found({"q": ["a"]}), as_table({}), as_table({"a": "ant"}))
    assert scored.height == 0
    assert scored.columns == ["name", "label", "average_precision", "precision_at_1", "recall_at_10"]


def test_a_gallery_without_labels_scores_nobody():
    scored = score_ranked_names(as_found({"q": ["a"]}), as_table({"q": "ant"}), as_table({"a": None}))
    assert scored["average_precision"].to_list() == [None]


def test_lists_are_cut_and_ordered_by_rank():
    rows = [("q", 2, "b"), ("q", 1, "a"), ("q", 3, "c"), ("p", 1, "c")]
    found = pl.DataFrame(rows, schema=["query", "rank", "name"], orient="row")
    assert ranked_lists(found, 2) == {"q": ["a", "b"], "p": ["c"]}


def test_neighbours_are_spelled_out_and_what_is_missing_is_left_out():
    found = Neighbours(np.array([[1, 0], [1, -1]]), np.array([[2.0, 1.0], [3.0, -np.inf]], np.float32), 1)
    table = ranked_names(pl.Series(["q", "p"]), pl.Series(["a", "b"]), found)
    assert table.select("query", "rank", "name").rows() == [("q", 1, "b"), ("q", 2, "a"), ("p", 1, "b")]
    assert table["score"].to_list() == [2.0, 1.0, 3.0]


def test_the_first_class_gives_the_confidence_where_ranking_has_a_probability():
    queries = np.array([[0.2, 0.7, 9.0], [0.1, 0.0, 9.0]], np.float32)
    names = pl.Series(["q", "p"])
    recipe = Recipe(views={}, dimensions=1, shrinkage="auto", pair_weight=0.0, evidence="logistic")
    table = first_confidence(names, queries, 2, recipe)
    assert table["name"].to_list() == ["q", "p"]
    assert table["confidence"].to_list() == pytest.approx([0.7, 0.1])
    for without in (recipe.with_(evidence="likeness"), recipe.with_(expansion=True)):
        assert first_confidence(names, queries, 2, without).is_empty()
