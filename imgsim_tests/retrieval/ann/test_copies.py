"""Photos of one vector: held once, listed each, in the gallery's order."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.retrieval.ann import copies as sharing
from imgsim_assets.retrieval.ann.build import Asked, load_index
from imgsim_assets.retrieval.ann.copies import Copies, SharedIndex, share, vectors_held
from imgsim_assets.retrieval.ann.exact import ExactIndex, exact_neighbours
from imgsim_assets.retrieval.ann.faiss_build import build_faiss
from imgsim_assets.retrieval.ann.faiss_index import LEARNED
from imgsim_assets.retrieval.ann.growth import Gallery, grow
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.settings import Annoy, Faiss
from imgsim_tests.budget import examples
from imgsim_tests.retrieval.ann.vectors import built, served_vectors

VECTORS, QUERIES, _ = served_vectors(classes=10, photos=30)
KINDS = {
    "flat": Faiss(kind="flat"),
    "sq8": Faiss(kind="sq8"),
    "hnsw": Faiss(kind="hnsw"),
    "ivf": Faiss(kind="ivf"),
    "ivf_pq": Faiss(kind="ivf_pq"),
    "annoy": Annoy(),
    "annoy by angle": Annoy(metric="angular"),
}
PLACEHOLDERS = 300


def with_placeholders(seed=0):
    """Put 300 copies of one photo, and two or three of others, among 300 photos."""
    random = np.random.default_rng(seed)
    rows = np.concatenate([np.arange(len(VECTORS)), np.full(PLACEHOLDERS, 7), [11, 11, 12]])
    return VECTORS[random.permutation(rows)]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_many_equal_photos_cost_no_list_its_best(kind):
    gallery = with_placeholders()
    index = built(kind, gallery)
    ids, scores = exact_neighbours(gallery, QUERIES, 10)
    found = search(index, gallery, QUERIES, 10)
    assert found.short_lists == 0
    assert (found.scores >= scores[:, -1:]).mean() >= 0.98
    same = (found.scores == scores).all(axis=1)
    assert same.any()
    np.testing.assert_array_equal(found.ids[same], ids[same])
    assert (index.size, vectors_held(index)) == (603, 300)


@pytest.mark.parametrize("kind", ["flat", "annoy"])
def test_a_placeholder_finds_its_copies_in_the_order_of_the_gallery(kind):
    gallery = with_placeholders()
    asked = gallery[np.flatnonzero((gallery == VECTORS[7]).all(axis=1))[:1]]
    best = np.flatnonzero(gallery @ asked[0] >= (gallery @ asked[0]).max() - 1e-6)
    found = search(built(KINDS[kind], gallery), gallery, asked, 10)
    np.testing.assert_array_equal(found.ids[0], exact_neighbours(gallery, asked, 10)[0][0])
    assert set(found.ids[0]) <= set(best.tolist())
    assert found.ids[0].tolist() == sorted(found.ids[0].tolist())


@pytest.mark.parametrize("kind", ["hnsw", "annoy"])
def test_saved_and_loaded_it_answers_the_same_and_the_file_holds_no_copy(kind, tmp_path):
    gallery = with_placeholders()
    index = built(KINDS[kind], gallery)
    index.save(tmp_path / "index")
    again = load_index(index.kind, tmp_path / "index", gallery, Asked.of(index))
    np.testing.assert_array_equal(again.candidates(QUERIES, 40), index.candidates(QUERIES, 40))
    built(KINDS[kind], Copies.among(gallery).distinct(gallery), gallery).save(tmp_path / "distinct")
    assert (tmp_path / "index").read_bytes() == (tmp_path / "distinct").read_bytes()


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 45))
@settings(max_examples=examples(60), deadline=None)
def test_over_exact_search_it_is_exact_search_also_with_ties(numbers, count):
    """Vectors of small whole numbers: equal ones, and different ones of equal score."""
    points = np.random.default_rng(1).integers(-1, 2, size=(7, 3)).astype(np.float32)
    gallery, queries = points[numbers], np.random.default_rng(2).integers(-1, 2, size=(5, 3)).astype(np.float32)
    copies = Copies.among(gallery)
    index = share(ExactIndex(copies.distinct(gallery)), gallery, copies)
    count = min(count, len(gallery))
    np.testing.assert_array_equal(index.candidates(queries, count), exact_neighbours(gallery, queries, count)[0])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_copies_are_rows_of_the_same_bits(numbers):
    points = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    points[1] = points[0] + np.float32(1e-6)
    copies = Copies.among(points[numbers])
    assert copies.first.tolist() == sorted({numbers.index(one) for one in numbers})
    assert [numbers[copies.first[number]] for number in copies.number] == numbers
    assert copies.present == (len(set(numbers)) < len(numbers))


def test_keys_only_propose(monkeypatch):
    monkeypatch.setattr(sharing, "_keys", lambda vectors: np.zeros(len(vectors), np.uint64))
    copies = Copies.among(VECTORS[[3, 1, 3, 2, 3]])
    assert copies.first.tolist() == [0, 1, 3]
    assert copies.number.tolist() == [0, 1, 0, 2, 0]


def test_without_copies_nothing_is_put_around_an_index():
    copies, index = Copies.among(VECTORS), ExactIndex(VECTORS)
    assert share(index, VECTORS, copies) is index
    assert copies.distinct(VECTORS) is VECTORS


def test_an_index_of_too_few_distinct_vectors_has_another_size():
    gallery = with_placeholders()
    copies = Copies.among(gallery)
    fewer = share(ExactIndex(copies.distinct(gallery)[:-1]), gallery, copies)
    assert isinstance(fewer, SharedIndex)
    assert fewer.size == len(gallery) - 1


@pytest.mark.parametrize("kind", LEARNED)
def test_an_index_grows_by_copies_and_by_new_photos(kind, tmp_path):
    """Copies come before and after the photo that they are of, so that another one stands first."""
    chosen = [
        [f"m{row:03}" for row in range(280)],
        ["a", *(f"m{row:03}" for row in range(280)), "z"],
        ["a", *(f"m{row:03}" for row in range(290)), "y", "z"],
    ]
    origin = {"a": 7, "y": 285, "z": 7} | {f"m{row:03}": row for row in range(300)}
    steps = [Gallery(pl.Series(names), VECTORS[[origin[name] for name in names]]) for names in chosen]
    build_faiss(steps[0].vectors, kind, 0).save(tmp_path / "0")
    for number, (before, now) in enumerate(itertools.pairwise(steps)):
        grown = grow(tmp_path / str(number), before, 280, now)
        assert grown is not None
        assert (grown.size, vectors_held(grown)) == (len(now.names), (280, 290)[number])
        grown.save(tmp_path / str(number + 1))
        everything = grown.asked_with(grown.most_effort, 50)
        found = search(everything, now.vectors, QUERIES, 10)
        np.testing.assert_array_equal(found.ids, exact_neighbours(now.vectors, QUERIES, 10)[0])
    assert (tmp_path / "1").stat().st_size == (tmp_path / "0").stat().st_size
