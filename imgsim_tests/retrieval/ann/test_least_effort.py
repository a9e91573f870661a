"""Just enough effort, and no less."""

import numpy as np
import pytest

from imgsim_assets.retrieval.ann import least_effort as finding
from imgsim_assets.retrieval.ann.annoy_index import build_annoy
from imgsim_assets.retrieval.ann.exact import ExactIndex, exact_neighbours
from imgsim_assets.retrieval.ann.faiss_build import build_faiss
from imgsim_assets.retrieval.ann.least_effort import PRECISION, reached, with_least_effort
from imgsim_tests.retrieval.ann.vectors import served_vectors

GALLERY, PROBES, _ = served_vectors(classes=60, photos=40, queries=150)
EXACT = exact_neighbours(GALLERY, PROBES, 10)[1]
INDICES = {
    "hnsw": build_faiss(GALLERY, "hnsw", 0),
    "ivf": build_faiss(GALLERY, "ivf", 0),
    "annoy": build_annoy(GALLERY, 2, 0),
}


@pytest.mark.parametrize("first", [5, 40, 500])
@pytest.mark.parametrize("recall", [0.9, 0.97, 1.0])
@pytest.mark.parametrize("name", INDICES)
def test_it_reaches_the_recall_and_somewhat_less_does_not(name, recall, first, monkeypatch):
    monkeypatch.setattr(finding, "FIRST_PROBES", first)
    index = INDICES[name]
    found = with_least_effort(index, GALLERY, PROBES, EXACT, recall)
    assert reached(found, GALLERY, PROBES, EXACT) >= recall
    less = min(found.effort - 1, int(found.effort / PRECISION))
    if less >= index.least_effort:
        assert reached(index.asked_with(less, index.overfetch), GALLERY, PROBES, EXACT) < recall


def test_what_cannot_reach_it_is_said_to():
    coarse = build_faiss(GALLERY, "ivf_pq", 0).asked_with(1, 1)
    assert with_least_effort(coarse, GALLERY, PROBES, EXACT, 1.0) is None


def test_what_looks_at_everything_has_nothing_to_set():
    exact = ExactIndex(GALLERY)
    assert with_least_effort(exact, GALLERY, PROBES, EXACT, 1.0) is exact
    assert with_least_effort(build_faiss(GALLERY, "flat", 0), GALLERY, PROBES, EXACT, 1.0).effort is None


def test_what_is_not_proposed_counts_as_not_found():
    class Half(ExactIndex):
        def candidates(self, queries, count):
            found = super().candidates(queries, count)
            found[:, 5:] = -1
            return found

    assert reached(Half(GALLERY), GALLERY, PROBES, EXACT) == 0.5
    assert np.isclose(reached(ExactIndex(GALLERY), GALLERY, PROBES, EXACT), 1.0)
