import numpy as np
import pytest

from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.diffusion import diffusion_coordinates, neighbour_graph, spectral_coordinates
from imgsim_tests.retrieval.synthetic import draw_photos


def same_class_gap(values, classes):
    likeness = values @ values.T
    same = classes[:, None] == classes
    return likeness[same].mean() - likeness[~same].mean()


def test_the_graph_is_symmetric_and_joins_the_nearest_as_brute_force_does():
    vectors = normalise(np.random.default_rng(0).normal(size=(40, 6)))
    graph = neighbour_graph(vectors, 4).toarray()
    np.testing.assert_array_equal(graph, graph.T)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -np.inf)
    chosen = np.zeros((40, 40))
    for row, order in enumerate(np.argsort(-likeness, axis=1)[:, :4]):
        chosen[row, order] = np.maximum(likeness[row, order], 0) ** 3
    np.testing.assert_allclose(graph, (chosen + chosen.T) / 2, atol=1e-5)


def test_photos_of_a_long_thin_class_come_together():
    """Two half circles, one inside the other: neighbours chain along them, straight distance crosses over."""
    angle = np.random.default_rng(0).uniform(0, np.pi, 400)
    classes = np.arange(400) % 2
    radius = np.where(classes == 0, 1.0, 1.6)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    points += np.random.default_rng(1).normal(size=points.shape) * 0.03
    squares = ((points[:, None] - points) ** 2).sum(axis=2)
    from scipy.sparse import csr_matrix

    graph = csr_matrix(np.exp(-squares / 0.01) - np.eye(400))
    found = spectral_coordinates(graph, 6, 4)
    assert same_class_gap(found, classes) > same_class_gap(normalise(points - points.mean(axis=0)), classes) + 0.2


def test_the_leading_eigenvectors_are_those_of_a_dense_decomposition():
    vectors, classes = draw_photos(classes=6, photos=40, spread=2.0)
    graph = neighbour_graph(normalise(vectors), 8)
    found = spectral_coordinates(graph, 6, 4)
    dense = graph.toarray()
    degree = dense.sum(axis=1)
    values, axes = np.linalg.eigh(dense / np.sqrt(degree[:, None] * degree))
    expected = normalise(axes[:, -6:] * np.maximum(values[-6:], 0) ** 4)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=5e-3)
    assert same_class_gap(found, classes) > 0.5


@pytest.mark.parametrize("vectors", [np.ones((1, 4)), np.eye(2), np.ones((9, 3)), np.eye(5)])
def test_degenerate_photos_get_finite_coordinates(vectors):
    found = diffusion_coordinates(vectors)
    assert len(found) == len(vectors)
    assert np.isfinite(found).all()
    assert (np.linalg.norm(found, axis=1) < 1 + 1e-9).all()


def test_same_photos_same_bytes():
    vectors, _ = draw_photos(classes=10, photos=30)
    assert diffusion_coordinates(vectors).tobytes() == diffusion_coordinates(vectors).tobytes()
