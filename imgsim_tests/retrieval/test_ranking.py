import numpy as np
import pytest

from imgsim_assets.retrieval.metric_head import fit_head
from imgsim_assets.retrieval.principal import principal_axes
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors, rank
from imgsim_assets.settings import Head
from imgsim_tests.retrieval.heads import draw_head
from imgsim_tests.retrieval.synthetic import draw_photos


def test_the_inner_product_is_the_probability_of_one_class_plus_the_likeness():
    vectors, classes = draw_photos(spread=0.8, photos=10)
    head, coordinates = draw_head(vectors, classes)
    labels = np.where(np.arange(len(classes)) % 2, classes, -1)
    gallery, queries = gallery_vectors(head, coordinates, labels, 0.25), query_vectors(head, coordinates[:7])
    posterior = head.posterior(coordinates)
    membership = np.where(labels[:, None] == -1, posterior, labels[:, None] == head.classes)
    likeness = head.likeness(coordinates)
    expected = posterior[:7] @ membership.T + 0.25 * likeness[:7] @ likeness.T
    np.testing.assert_allclose(queries @ gallery.T, expected, atol=1e-5)


def test_posterior_is_calibrated_on_photos_that_were_not_seen():
    vectors, classes = draw_photos(classes=10, photos=80, spread=0.25, width=20)
    seen = np.arange(len(classes)) % 2 == 0
    head, _ = draw_head(vectors[seen], classes[seen])
    posterior = head.posterior(head.axes.project(vectors[~seen]))
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0)
    accuracy = (posterior.argmax(axis=1) == classes[~seen]).mean()
    assert 0.3 < accuracy < 0.98
    assert posterior.max(axis=1).mean() == pytest.approx(accuracy, abs=0.06)


def test_an_exact_copy_comes_first_in_its_class():
    vectors, classes = draw_photos(classes=6, photos=15, spread=4.0)
    head, coordinates = draw_head(vectors, classes)
    found = rank(gallery_vectors(head, coordinates, classes, 0.01), query_vectors(head, coordinates), 10)
    assert (found.ids[:, 0] == np.arange(len(classes))).all()
    assert (classes[found.ids] == classes[:, None]).all()


@pytest.mark.parametrize(
    ("vectors", "classes"),
    [
        (np.ones((6, 3)), np.array([0, 0, 0, 1, 1, 1])),  # all photos equal
        (np.random.default_rng(0).normal(size=(6, 3)), np.zeros(6, dtype=int)),  # one class
        (np.random.default_rng(0).normal(size=(6, 3)), np.arange(6)),  # one photo a class
        (np.eye(2), np.array([0, 1])),  # two photos in all
        (np.ones((1, 4)), np.array([3])),  # one photo in all
    ],
)
def test_degenerate_photos_give_a_whole_finite_ranking(vectors, classes):
    axes = principal_axes(vectors, 16)
    head = fit_head(axes, axes.project(vectors), classes, Head())
    gallery = gallery_vectors(head, axes.project(vectors), classes, 0.01)
    queries = query_vectors(head, axes.project(vectors + 0.5))
    assert np.isfinite(gallery).all()
    assert np.isfinite(queries).all()
    found = rank(gallery, queries, len(vectors))
    assert (np.sort(found.ids, axis=1) == np.arange(len(vectors))).all()


def test_same_photos_same_bytes():
    first, second = (draw_head(*draw_photos())[0].posterior(draw_head(*draw_photos())[1]).tobytes() for _ in range(2))
    assert first == second
