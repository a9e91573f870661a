import numpy as np
import pytest

from imgsim_bench.memory import draw_unit_vectors, measure_memory


def test_drawn_vectors_are_units_around_their_class():
    vectors, classes = draw_unit_vectors(900, 32, 0)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    cosines = vectors @ vectors.T
    same = classes[:, None] == classes
    assert cosines[same].mean() > cosines[~same].mean() + 0.4


@pytest.mark.slow
def test_memory_does_not_grow_with_the_product_of_queries_and_photos():
    found = measure_memory(60_000, 4_000, 32)
    assert found["full_matrix_mb"] > 900
    assert found["peak_mb"] - found["loaded_mb"] < found["full_matrix_mb"] / 2
    assert found["map_at_10"] > 0.5
