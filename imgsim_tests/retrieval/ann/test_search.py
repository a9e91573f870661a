"""What an index is asked for, before its answers are put in order."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from imgsim_assets.retrieval.ann.annoy_index import build_annoy
from imgsim_assets.retrieval.ann.exact import ExactIndex
from imgsim_assets.retrieval.ann.protocol import MISSING
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.reciprocal import rerank
from imgsim_tests.retrieval.ann.vectors import served_vectors

GALLERY, QUERIES, _ = served_vectors(classes=30, photos=10)


@dataclass(frozen=True)
class Noting(ExactIndex):
    """Exact search that notes how many candidates it was asked for."""

    asked: list[int] = field(default_factory=list)

    def candidates(self, queries, count):
        self.asked.append(count)
        return super().candidates(queries, count)


@pytest.mark.parametrize(("k", "wanted"), [(10, 100), (100, 100), (120, 120), (400, 300)])
def test_a_hundred_candidates_are_reranked_or_as_many_as_are_wanted(k, wanted):
    """Of 300 photos; what stands at place 60 may be the best that both sides name."""
    index = Noting(GALLERY)
    found = search(index, GALLERY, QUERIES, k, reciprocal=True)
    assert index.asked == [wanted]
    expected, _ = rerank(GALLERY, QUERIES, ExactIndex(GALLERY).candidates(QUERIES, wanted), k)
    np.testing.assert_array_equal(found.ids, expected)


def test_an_index_that_is_set_to_find_ten_works_harder_for_a_hundred(monkeypatch):
    annoy = build_annoy(GALLERY, 2, 0).asked_with(20, 5)
    efforts = []
    monkeypatch.setattr(
        type(annoy),
        "candidates",
        lambda self, queries, count: efforts.append(self.effort) or (ExactIndex(GALLERY).candidates(queries, count)),
    )
    search(annoy, GALLERY, QUERIES, 10, reciprocal=True)
    search(annoy, GALLERY, QUERIES, 10)
    assert efforts == [200, 20]


@dataclass(frozen=True)
class Short(ExactIndex):
    """Exact search that finds no more than `most` for every second query."""

    most: int = 9

    def candidates(self, queries, count):
        found = super().candidates(queries, count)
        found[::2, self.most :] = MISSING
        return found


@pytest.mark.parametrize(("most", "short"), [(9, 5), (10, 0)])
def test_lists_that_fall_short_are_counted_reranked_or_not(most, short):
    for reciprocal in (False, True):
        found = search(Short(GALLERY, most), GALLERY, QUERIES[:10], 10, reciprocal=reciprocal)
        assert found.short_lists == (short if reciprocal or most < 10 else 0)
