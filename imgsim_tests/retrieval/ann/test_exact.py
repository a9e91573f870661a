import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.retrieval.ann import exact
from imgsim_assets.retrieval.ann.exact import ExactIndex, exact_neighbours
from imgsim_assets.retrieval.ann.rescoring import narrow, rescore
from imgsim_tests.budget import examples
from imgsim_tests.retrieval.ann.vectors import served_vectors


def brute_force(vectors, queries, k):
    lists = []
    for query in queries:
        scores = [float((vector.astype(np.float64) * query).sum()) for vector in vectors]
        lists.append(sorted(range(len(vectors)), key=lambda row, scores=scores: (-scores[row], row))[:k])
    return np.array(lists)


@given(st.integers(0, 10_000), st.integers(1, 90), st.integers(1, 12))
@settings(max_examples=examples(60))
def test_agrees_with_brute_force_also_with_ties(seed, size, k):
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, size=(size, 3)).astype(np.float32)
    queries = random.integers(-2, 3, size=(7, 3)).astype(np.float32)
    ids, scores = exact_neighbours(vectors, queries, k)
    kept = min(k, size)
    np.testing.assert_array_equal(ids[:, :kept], brute_force(vectors, queries, k))
    assert (ids[:, kept:] == -1).all()
    assert (scores[:, kept:] == -np.inf).all()


def test_equal_vectors_come_in_the_order_of_their_rows():
    vectors = np.ones((500, 5), dtype=np.float32) * np.float32(0.1)
    ids, _ = exact_neighbours(vectors, np.ones((3, 5), dtype=np.float32), 10)
    np.testing.assert_array_equal(ids, np.tile(np.arange(10), (3, 1)))


def test_blocks_do_not_change_the_answer(monkeypatch):
    gallery, queries, _ = served_vectors()
    gallery = np.repeat(gallery[:60], 5, axis=0)  # equal ones, so that all within the rounding error are compared
    whole = exact_neighbours(gallery, queries, 10)
    monkeypatch.setattr(exact, "BLOCK_SCORES", 700)
    monkeypatch.setattr("imgsim_assets.retrieval.ann.rescoring.BLOCK_VALUES", 900)
    parts = exact_neighbours(gallery, queries, 10)
    np.testing.assert_array_equal(whole[0], parts[0])
    np.testing.assert_array_equal(whole[1], parts[1])


def test_missing_candidates_go_last():
    vectors = np.array([[1.0], [3.0], [-5.0]], dtype=np.float32)
    ids, scores = rescore(vectors, np.ones((1, 1), dtype=np.float32), np.array([[-1, 2, 1]]), 4)
    assert ids.tolist() == [[1, 2, -1, -1]]
    assert scores.tolist() == [[3.0, -5.0, -np.inf, -np.inf]]


def test_a_saved_oracle_is_the_vectors(tmp_path):
    gallery, queries, _ = served_vectors()
    index = ExactIndex(gallery)
    index.save(tmp_path / "exact.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "exact.npy", allow_pickle=False), gallery)
    np.testing.assert_array_equal(index.candidates(queries, 10), exact_neighbours(gallery, queries, 10)[0])
    assert (index.size, index.dimension) == gallery.shape


@pytest.mark.parametrize("queries", [0, 1])
def test_empty_batches_are_answered(queries):
    gallery, asked, _ = served_vectors()
    assert exact_neighbours(gallery, asked[:queries], 10)[0].shape == (queries, 10)


@given(st.integers(0, 1000), st.integers(1, 30))
@settings(max_examples=examples(30))
def test_narrowing_keeps_the_best(seed, count):
    gallery, asked, _ = served_vectors()
    candidates = np.random.default_rng(seed).permuted(np.tile(np.arange(25), (len(asked), 1)), axis=1)
    candidates[0, :20] = -1
    kept = narrow(gallery, asked, candidates, count)
    assert kept.shape == (len(asked), min(count, 25))
    whole, narrowed = rescore(gallery, asked, candidates, count), rescore(gallery, asked, kept, count)
    np.testing.assert_allclose(narrowed[1], whole[1], rtol=1e-5, atol=1e-6)


def test_rows_that_a_matrix_product_passed_over_are_compared(monkeypatch):
    """Of equal rows it may give any; here it gives the last ones."""
    vectors, queries = np.ones((60, 4), dtype=np.float32), np.ones((3, 4), dtype=np.float32)

    def last(vectors, queries, count):
        rows = np.arange(len(vectors))[::-1][:count]
        return queries @ vectors.T[:, :count], np.tile(rows, (len(queries), 1))

    monkeypatch.setattr(exact, "_roughly", last)
    for scores in (exact.BLOCK_SCORES, 60):
        monkeypatch.setattr(exact, "BLOCK_SCORES", scores)
        ids, _ = exact_neighbours(vectors, queries, 5)
        np.testing.assert_array_equal(ids, np.tile(np.arange(5), (3, 1)))
