"""An index that took in new photos answers like one that was built from all."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.faiss_build import build_faiss
from imgsim_assets.retrieval.ann.faiss_index import LEARNED, load_faiss
from imgsim_assets.retrieval.ann.growth import Gallery, grow, seconds_to_add
from imgsim_assets.retrieval.ann.protocol import MISSING
from imgsim_assets.retrieval.ann.search import search
from imgsim_tests.budget import examples
from imgsim_tests.retrieval.ann.vectors import served_vectors

VECTORS, QUERIES, _ = served_vectors(classes=30, photos=40)
NAMES = pl.Series([f"{(7919 * row) % 10_000:05}.jpg" for row in range(len(VECTORS))])


def gallery(rows):
    """Take photos, in the order of their names, as the pipeline has them."""
    ordered = sorted(rows, key=NAMES.to_list().__getitem__)
    return Gallery(NAMES.gather(ordered), VECTORS[ordered])


@pytest.mark.parametrize("kind", LEARNED)
@given(seed=st.integers(0, 1000))
@example(seed=863)
@settings(max_examples=examples(5))
def test_twice_grown_it_finds_the_same_photos_wherever_they_stand(kind, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    order = np.random.default_rng(seed).permutation(len(VECTORS))
    steps = [gallery(order[:count].tolist()) for count in (1100, 1150, 1200)]
    build_faiss(steps[0].vectors, kind, 0).save(folder / "0")
    for number, (before, now) in enumerate(itertools.pairwise(steps)):
        grown = grow(folder / str(number), before, 1100, now)
        grown.save(folder / str(number + 1))
    index = load_faiss(folder / "2", VECTORS.shape[1])
    everything = index.asked_with(index.most_effort, 50)
    found = search(everything, steps[2].vectors, QUERIES, 10).ids
    # FAISS's graph may have no edge that leads to a photo: it stays unfound at any effort, and no other one does.
    reached = np.setdiff1d(everything.candidates(QUERIES, len(VECTORS)), [MISSING])
    assert len(reached) >= len(VECTORS) - (kind == "hnsw")
    exact, _ = exact_neighbours(steps[2].vectors[reached], QUERIES, 10)
    np.testing.assert_array_equal(found, reached[exact])
    assert index.size == len(VECTORS)
    assert sorted(index.rows.tolist()) == list(range(len(VECTORS)))


@pytest.mark.parametrize("kind", LEARNED)
def test_grown_with_nothing_it_is_as_it_was(kind, tmp_path):
    whole = gallery(range(300))
    build_faiss(whole.vectors, kind, 0).save(tmp_path / "index")
    same = grow(tmp_path / "index", whole, 300, whole)
    before = load_faiss(tmp_path / "index", VECTORS.shape[1]).candidates(QUERIES, 10)
    np.testing.assert_array_equal(same.candidates(QUERIES, 10), before)


def test_it_is_built_anew_where_what_it_learned_does_not_serve(tmp_path):
    whole, fewer = gallery(range(330)), gallery(range(300))
    for kind in ("ivf", "flat"):
        build_faiss(fewer.vectors, kind, 0).save(tmp_path / kind)
    assert grow(tmp_path / "ivf", fewer, 300, whole) is not None
    assert grow(tmp_path / "ivf", fewer, 299, whole) is None, "more than a tenth has come"
    assert grow(tmp_path / "flat", fewer, 300, whole) is None, "it learned nothing"
    assert grow(tmp_path / "ivf", fewer, 300, gallery(range(1, 310))) is None, "one is gone"
    moved = Gallery(whole.names, whole.vectors.copy())
    moved.vectors[200] += 1
    assert grow(tmp_path / "ivf", fewer, 300, moved) is None, "one has another vector"
    wider = Gallery(whole.names, np.pad(whole.vectors, ((0, 0), (0, 1))))
    assert grow(tmp_path / "ivf", fewer, 300, wider) is None, "all have"


@pytest.mark.parametrize("kind", ["flat", "sq8", *LEARNED])
def test_adding_is_timed_on_a_copy(kind, tmp_path):
    build_faiss(VECTORS, kind, 0).save(tmp_path / "index")
    content = (tmp_path / "index").read_bytes()
    assert seconds_to_add(tmp_path / "index", VECTORS) > 0
    assert (tmp_path / "index").read_bytes() == content
