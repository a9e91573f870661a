from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.retrieval.agreement import overlap, rank_correlation, recall_by_score
from imgsim_assets.retrieval.comparison import OF_CURVES, Contender, as_metrics, compare_indices, names_of, with_scores
from imgsim_assets.settings import Annoy, Faiss
from imgsim_tests.retrieval.ann.vectors import built, served_vectors


@pytest.mark.slow
def test_one_row_per_library():
    gallery, queries, _ = served_vectors()
    contenders = [
        Contender("faiss", built(Faiss(), gallery, queries), 0.5, 0.01, 1000, None),
        Contender("annoy", built(Annoy(), gallery, queries), 0.25, 0.25, 2000, 4096),
    ]
    table, curves = compare_indices(contenders, gallery, queries)
    assert table["library"].to_list() == ["faiss", "annoy"]
    assert table["recall_at_10"][0] == 1.0
    assert table["overlap_at_10"].min() > 0.9
    assert table["stored_bytes"].to_list() == [1000, 2000]
    assert table["resident_bytes"].to_list() == [None, 4096]
    assert (table["p50_ms_low"] <= table["p50_ms"]).all()
    assert (table["p50_ms"] <= table["p50_ms_high"]).all()
    assert (table["p95_ms"] <= table["p99_ms"]).all()
    assert table["queries"].to_list() == [40, 40]
    assert compare_indices(contenders[:1], gallery, queries)[0]["overlap_at_10"].to_list() == [None]
    # One truth: the same index has the same numbers in both tables.
    shared = ["library", *OF_CURVES]
    assert curves.filter("is_set").select(shared).equals(table.select(shared))
    assert (table["queries_per_second_low"] <= table["queries_per_second"]).all()
    assert (table["queries_per_second"] <= table["queries_per_second_high"]).all()


def test_photos_of_equal_score_count_whichever_are_listed():
    best = np.array([[1.0, 0.5, 0.5], [1.0, 0.5, 0.5], [0.9, 0.8, -np.inf], [-np.inf] * 3], dtype=np.float32)
    found = np.array([[1.0, 0.5 - 1e-8, 0.5], [1.0, 0.49, -np.inf], [0.9, 0.8, -np.inf], [-np.inf] * 3])
    assert recall_by_score(found, best).tolist() == [1.0, 1 / 3, 1.0, 0.0]


@pytest.mark.slow
def test_two_classes_of_photos_that_hardly_differ_are_found_by_codes():
    """An index of codes cannot tell photos of one score apart, and nobody can."""
    gallery, queries, _ = served_vectors(classes=2, photos=120)
    gallery = np.concatenate([gallery, np.random.default_rng(0).permutation(gallery)])
    table, curves = compare_indices(
        [Contender("faiss", built(Faiss(kind="sq8"), gallery), 0, 0, 0, None)], gallery, queries
    )
    assert table["recall_at_10"].item() == 1.0
    assert curves["recall_at_10"].item() == 1.0


def test_overlap_ignores_missing_entries():
    left, right = np.array([[1, 2, -1]]), np.array([[2, 3, -1]])
    assert overlap(left, right).tolist() == [0.5]


@given(st.permutations(range(8)), st.permutations(range(8)))
def test_rank_correlation_is_spearmans(left, right):
    ours = rank_correlation(np.array([left]), np.array([right]))[0]
    apart = np.argsort(left) - np.argsort(right)
    assert ours == pytest.approx(1 - 6 * (apart**2).sum() / (8 * (8**2 - 1)), abs=1e-9)


def test_rank_correlation_needs_two_shared_photos():
    assert np.isnan(rank_correlation(np.array([[1, 2, -1]]), np.array([[2, 5, -1]]))).all()


def test_an_index_that_stands_in_for_annoy_is_not_called_annoy():
    faiss, annoy = (SimpleNamespace(library=one, index=SimpleNamespace(kind="flat")) for one in ("faiss", "annoy"))
    assert names_of([faiss, annoy]) == {"faiss": "FAISS", "annoy": "FAISS in Annoy's place"}
    annoy.index.kind = "dot"
    assert names_of([faiss, annoy]) == {"faiss": "FAISS", "annoy": "Annoy"}


def test_what_narrowing_costs_is_told_where_it_is_known():
    table = pl.DataFrame({"library": ["faiss", "annoy"], "recall_at_10": [1.0, 0.9]})
    ideal, worse, none = (pl.DataFrame({"average_precision": one}) for one in ([1.0, 0.5], [0.5, 0.5], []))
    scored = with_scores(table, [ideal, worse], ideal)
    assert scored["map_at_10"].to_list() == [0.75, 0.5]
    assert scored["map_at_10_lost"].to_list() == [0.0, 0.25]
    unknown = with_scores(table, [none.cast(pl.Float64)] * 2, none.cast(pl.Float64))
    assert as_metrics(unknown) == {"faiss_recall_at_10": 1.0, "annoy_recall_at_10": 0.9}
