"""By how much the first class leads, beside the loop that the definition is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.retrieval import margins
from imgsim_assets.retrieval.margins import class_margins, margin_in_words
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors
from imgsim_tests.budget import examples
from imgsim_tests.retrieval.heads import draw_head, draw_recipe
from imgsim_tests.retrieval.synthetic import draw_photos


def naive(gallery: np.ndarray, classes: np.ndarray, queries: np.ndarray) -> list[float]:
    found = []
    for query in queries:
        best: dict[object, float] = {}
        for row, (vector, number) in enumerate(zip(gallery, classes, strict=True)):
            owner = int(number) if number >= 0 else ("alone", row)
            best[owner] = max(best.get(owner, -np.inf), float(vector.astype(np.float64) @ query))
        first, *others = sorted(best.values(), reverse=True)
        found.append(first - others[0] if others else np.inf)
    return found


@st.composite
def galleries(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))
    count, dimension, asked = draw(st.integers(1, 12)), draw(st.integers(1, 5)), draw(st.integers(0, 6))
    classes = np.array(draw(st.lists(st.integers(-1, 3), min_size=count, max_size=count)), dtype=np.int64)
    gallery, queries = (generator.normal(size=(rows, dimension)).astype(np.float32) for rows in (count, asked))
    return gallery, classes, queries


@settings(max_examples=examples(200))
@given(case=galleries(), block=st.sampled_from([1, 7, 16_000_000]))
def test_margins_are_those_of_the_definition(case, block):
    """In one block or in many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(margins, "BLOCK_VALUES", block)
        found = class_margins(*case)
    assert found.dtype == np.float64
    assert found.shape == (len(case[2]),)
    np.testing.assert_allclose(found, naive(*case), rtol=1e-4, atol=1e-4)
    assert (found >= 0).all()


@settings(max_examples=examples(50))
@given(case=galleries(), seed=st.integers(0, 1000))
def test_the_order_of_the_gallery_and_the_classes_numbers_do_not_matter(case, seed):
    gallery, classes, queries = case
    order = np.random.default_rng(seed).permutation(len(gallery))
    renamed = np.where(classes >= 0, 10 - classes, -1)
    np.testing.assert_allclose(
        class_margins(gallery[order], renamed[order], queries), class_margins(gallery, classes, queries), atol=1e-5
    )


def test_one_class_leads_by_all():
    gallery = np.eye(3, dtype=np.float32)
    assert class_margins(gallery, np.zeros(3, dtype=np.int64), gallery[:2]).tolist() == [np.inf, np.inf]


def test_photos_of_unknown_class_stand_for_themselves():
    gallery = np.array([[3.0], [2.5], [1.0]], dtype=np.float32)
    query = np.ones((1, 1), dtype=np.float32)
    assert class_margins(gallery, np.array([0, -1, -1]), query).tolist() == [0.5]
    assert class_margins(gallery, np.array([-1, -1, 0]), query).tolist() == [0.5]
    assert class_margins(gallery, np.array([0, 0, -1]), query).tolist() == [2.0]


def test_equal_best_classes_have_no_margin():
    gallery = np.array([[1.0], [1.0]], dtype=np.float32)
    assert class_margins(gallery, np.array([0, 1]), np.array([[2.0]], dtype=np.float32)).tolist() == [0.0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "0.25 of probability"),
        ({"evidence": "glrt"}, "0.25 of probability"),
        ({"evidence": "logistic"}, "0.25 of probability"),
        ({"evidence": "likeness", "likeness": "pair"}, "0.25 nats"),
        ({"evidence": "likeness", "likeness": "cosine"}, "0.25 of cosine"),
        ({"evidence": "likeness", "likeness": "centred"}, "0.25 of cosine"),
        ({"evidence": "likeness", "likeness": "whitened"}, "0.25 of cosine"),
        ({"expansion": True}, "0.25 of score"),
    ],
)
def test_a_margin_has_the_unit_of_the_scores(changes, words):
    assert margin_in_words(0.25, draw_recipe(**changes)) == words
    assert margin_in_words(float("inf"), draw_recipe(**changes)) == "none: one class"


@pytest.mark.parametrize("evidence", ["glrt", "logistic", "fused"])
def test_margins_of_probabilities_are_differences_of_probabilities(evidence):
    """Up to the little that the likeness adds: not log odds, which know no upper end."""
    vectors, labels = draw_photos(classes=4, photos=12, spread=0.3)
    head, coordinates = draw_head(vectors, labels, evidence=evidence)
    gallery = gallery_vectors(head, coordinates, labels)
    found = class_margins(gallery, labels, query_vectors(head, coordinates, gallery))
    second, first = np.sort(head.posterior(coordinates), axis=1)[:, -2:].T
    np.testing.assert_allclose(found, first - second, atol=2 * head.recipe.pair_weight + 1e-6)
    assert (found <= 1 + 2 * head.recipe.pair_weight).all()
    assert found.max() > 0.5


def test_margins_of_pairs_are_differences_of_log_ratios():
    vectors, labels = draw_photos(classes=4, photos=12, spread=0.3)
    head, coordinates = draw_head(vectors, labels, evidence="likeness", likeness="pair")
    gallery = gallery_vectors(head, coordinates, labels)
    found = class_margins(gallery, labels, query_vectors(head, coordinates, gallery))
    assert found.max() > 1.5
