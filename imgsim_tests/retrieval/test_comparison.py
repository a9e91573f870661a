import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from imgsim_assets.retrieval.agreement import overlap, rank_correlation
from imgsim_assets.retrieval.comparison import Contender, compare_indices
from imgsim_assets.settings import Annoy, Faiss
from imgsim_tests.retrieval.ann.vectors import built, served_vectors


def test_one_row_per_library():
    gallery, queries, _ = served_vectors()
    contenders = [
        Contender("faiss", built(Faiss(), gallery, queries), 0.5, 0.01, 1000, None),
        Contender("annoy", built(Annoy(), gallery, queries), 0.25, 0.25, 2000, 4096),
    ]
    table = compare_indices(contenders, gallery, queries)
    assert table["library"].to_list() == ["faiss", "annoy"]
    assert table["recall_at_10"][0] == 1.0
    assert table["overlap_at_10"].min() > 0.9
    assert table["stored_bytes"].to_list() == [1000, 2000]
    assert table["resident_bytes"].to_list() == [None, 4096]
    assert (table["p50_ms"] <= table["p99_ms"]).all()
    assert compare_indices(contenders[:1], gallery, queries)["overlap_at_10"].to_list() == [None]


def test_overlap_ignores_missing_entries():
    left, right = np.array([[1, 2, -1]]), np.array([[2, 3, -1]])
    assert overlap(left, right).tolist() == [0.5]


@given(st.permutations(range(8)), st.permutations(range(8)))
def test_rank_correlation_is_spearmans(left, right):
    ours = rank_correlation(np.array([left]), np.array([right]))[0]
    places = [np.argsort(order) for order in (left, right)]
    assert ours == pytest.approx(spearmanr(*places).statistic, abs=1e-9)


def test_rank_correlation_needs_two_shared_photos():
    assert np.isnan(rank_correlation(np.array([[1, 2, -1]]), np.array([[2, 5, -1]]))).all()
