import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.retrieval.ann.equal_norms import fit_sphere, widen
from imgsim_tests.budget import examples
from imgsim_tests.retrieval.ann.vectors import served_vectors


@given(st.integers(0, 1000))
@settings(max_examples=examples(20))
def test_all_scores_of_a_query_move_by_the_same_amount(seed):
    gallery, queries, _ = served_vectors(seed=seed)
    before = queries.astype(np.float64) @ gallery.T.astype(np.float64)
    sphere = fit_sphere(gallery)
    points = sphere.equalise(gallery)
    shift = widen(queries, points.shape[1]).astype(np.float64) @ points.T.astype(np.float64)
    shift = shift * np.sqrt(sphere.square) - before
    np.testing.assert_allclose(shift - shift.mean(axis=1, keepdims=True), 0, atol=2e-2)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0, rtol=1e-4)


def test_a_sphere_is_centred():
    random = np.random.default_rng(0)
    sphere = random.normal(size=(300, 5))
    sphere = 3.0 * sphere / np.linalg.norm(sphere, axis=1, keepdims=True) + np.array([50, -20, 0, 7, 1])
    np.testing.assert_allclose(
        np.linalg.norm(fit_sphere(sphere.astype(np.float32)).move(sphere.astype(np.float32)), axis=1), 3.0, rtol=1e-3
    )


def test_equal_and_few_vectors_stay_finite():
    for vectors in (np.ones((4, 6), np.float32), np.zeros((1, 3), np.float32), np.eye(3, 9, dtype=np.float32)):
        assert np.isfinite(fit_sphere(vectors).equalise(vectors)).all()
