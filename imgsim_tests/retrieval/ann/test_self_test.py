from dataclasses import dataclass, replace

import faiss
import numpy as np
import pytest

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann import build
from imgsim_assets.retrieval.ann.exact import ExactIndex, exact_neighbours
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.ann.self_test import check_index
from imgsim_assets.settings import Annoy, Faiss
from imgsim_tests.retrieval.ann.broken_annoy import build_broken_annoy
from imgsim_tests.retrieval.ann.vectors import served_vectors

GALLERY, QUERIES, _ = served_vectors()


@dataclass(frozen=True)
class Broken:
    """An index that is right except for what `fault` does to its answers."""

    fault: str
    size: int = len(GALLERY)
    dimension: int = GALLERY.shape[1]
    overfetch: int = 5

    def candidates(self, queries, count):
        ids = exact_neighbours(GALLERY, queries, count)[0]
        if self.fault == "one neighbour":
            ids[:, 1:] = -1
        elif self.fault == "repeats":
            ids[:, 1] = ids[:, 0]
        elif self.fault == "beyond the end":
            ids[:, -1] = len(GALLERY)
        elif self.fault == "random":
            return np.tile(np.arange(count), (len(queries), 1))
        elif self.fault == "by threads" and faiss.omp_get_max_threads() > 1:
            ids[:, -1] = (ids[:, -1] + len(GALLERY) // 2) % len(GALLERY)
        return ids


def test_a_sound_index_passes_with_full_recall():
    assert check_index(ExactIndex(GALLERY), GALLERY, "exact") == 1.0


@pytest.mark.parametrize("fault", ["one neighbour", "repeats", "beyond the end", "random"])
def test_wrong_answers_are_noticed(fault):
    with pytest.raises(ArtefactError, match="from the annoy index"):
        check_index(Broken(fault), GALLERY, "annoy")


@pytest.mark.parametrize("field", ["size", "dimension"])
def test_wrong_shape_is_noticed(field):
    with pytest.raises(ArtefactError, match=r"found 3"):
        check_index(replace(Broken("none"), **{field: 3}), GALLERY, "annoy")


def test_answers_that_hang_on_the_number_of_threads_are_noticed():
    faiss.omp_set_num_threads(2)
    with pytest.raises(ArtefactError, match="the same answers by one thread and by all"):
        check_index(Broken("by threads"), GALLERY, "faiss")


def test_broken_annoy_is_named_and_the_mend_is_told():
    with pytest.raises(ArtefactError, match=r"10 neighbours .* found 1; .*ANNOY_COMPILER_ARGS"):
        check_index(build_broken_annoy(GALLERY), GALLERY, "annoy")


def test_faiss_stands_in_for_a_broken_annoy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build, "build_annoy", build_broken_annoy)
    twice = np.concatenate([GALLERY, GALLERY[:5]])
    index, _ = build.build_index(Annoy(), twice, QUERIES)
    assert build.stands_in("annoy", index.kind)
    found = search(index, twice, QUERIES, 10)
    np.testing.assert_array_equal(found.ids, exact_neighbours(twice, QUERIES, 10)[0])
    assert found.short_lists == 0


def test_nothing_stands_in_for_what_is_sound():
    assert not build.stands_in("annoy", build.build_index(Annoy(), GALLERY, QUERIES)[0].kind)
    assert not build.stands_in("faiss", build.build_index(Faiss(kind="flat"), GALLERY, QUERIES)[0].kind)


def test_faiss_does_not_stand_in_where_the_vectors_are_at_fault(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build, "build_annoy", build_broken_annoy)
    broken = GALLERY.copy()
    broken[3, 0] = np.nan
    with pytest.raises(ArtefactError, match="finite"):
        build.build_index(Annoy(), broken, QUERIES)


def test_vectors_that_are_not_finite_are_noticed():
    broken = GALLERY.copy()
    broken[3, 0] = np.nan
    with pytest.raises(ArtefactError, match="finite"):
        check_index(ExactIndex(broken), broken, "exact")


def test_short_lists_are_completed_exactly_and_counted():
    found = search(Broken("one neighbour"), GALLERY, QUERIES, 10)
    np.testing.assert_array_equal(found.ids, exact_neighbours(GALLERY, QUERIES, 10)[0])
    assert found.short_lists == len(QUERIES)
