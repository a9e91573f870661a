from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from imgsim_assets.retrieval.ann.exact import ExactIndex, exact_neighbours
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.expansion import augment_gallery, expand_queries
from imgsim_assets.retrieval.principal import principal_axes
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors
from imgsim_assets.retrieval.tuning import fit_head
from imgsim_tests.retrieval.heads import draw_head, draw_recipe
from imgsim_tests.retrieval.synthetic import draw_photos


def test_the_inner_product_is_the_probability_of_one_class_plus_the_likeness():
    vectors, classes = draw_photos(spread=0.8, photos=10)
    head, coordinates = draw_head(vectors, classes, pair_weight=0.25)
    labels = np.where(np.arange(len(classes)) % 2, classes, -1)
    gallery = gallery_vectors(head, coordinates, labels)
    queries = query_vectors(head, coordinates[:7], gallery)
    posterior = head.posterior(coordinates)
    membership = np.where(labels[:, None] == -1, posterior, labels[:, None] == head.classes)
    asking, found = head.likeness(coordinates)
    expected = posterior[:7] @ membership.T + 0.25 * asking[:7] @ found.T
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
    gallery = gallery_vectors(head, coordinates, classes)
    ids, _ = exact_neighbours(gallery, query_vectors(head, coordinates, gallery), 10)
    assert (ids[:, 0] == np.arange(len(classes))).all()
    assert (classes[ids] == classes[:, None]).all()


@pytest.mark.parametrize("likeness", ["cosine", "centred", "whitened", "pair", "metric"])
def test_likeness_alone_is_what_it_is_named_after(likeness):
    vectors, classes = draw_photos(spread=0.8, photos=10)
    head, coordinates = draw_head(vectors, classes, evidence="likeness", likeness=likeness)
    gallery = gallery_vectors(head, coordinates, classes)
    found = query_vectors(head, coordinates, gallery) @ gallery.T
    projected = head.metric.project(coordinates)
    between = head.metric.between
    spread = coordinates.std(axis=0)
    compared = {
        "cosine": vectors,
        "centred": vectors - vectors.mean(axis=0),
        "whitened": coordinates / np.sqrt(spread),
        "metric": projected * np.sqrt(between / (1 + between)),
    }
    if likeness == "pair":
        one = [multivariate_normal(np.zeros(2), [[1 + b, b], [b, 1 + b]]) for b in between]
        two = [norm(0, np.sqrt(1 + b)) for b in between]
        pairs = [(asked, other) for asked in range(5) for other in range(len(classes))]
        expected = np.zeros((5, len(classes)))
        for asked, other in pairs:
            for k, (same, apart) in enumerate(zip(one, two, strict=True)):
                x, y = projected[asked, k], projected[other, k]
                expected[asked, other] += same.logpdf([x, y]) - apart.logpdf(x) - apart.logpdf(y)
        np.testing.assert_allclose(found[:5], expected, rtol=1e-3, atol=1e-3)
    else:
        units = normalise(compared[likeness])
        np.testing.assert_allclose(found, units @ units.T, atol=1e-5)


def test_expansion_and_augmentation_change_the_vectors_they_are_named_after():
    vectors, classes = draw_photos()
    head, coordinates = draw_head(vectors, classes)
    gallery = gallery_vectors(head, coordinates, classes)
    augmented = replace(head, recipe=head.recipe.with_(augmentation=True))
    expanded = replace(head, recipe=head.recipe.with_(expansion=True))
    np.testing.assert_array_equal(gallery_vectors(augmented, coordinates, classes), augment_gallery(gallery))
    asked = query_vectors(head, coordinates, gallery)
    np.testing.assert_array_equal(query_vectors(expanded, coordinates, gallery), expand_queries(gallery, asked))
    np.testing.assert_array_equal(query_vectors(augmented, coordinates, gallery), asked)


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
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"evidence": "logistic"},
        {"evidence": "glrt", "projection": True},
        {"evidence": "likeness", "likeness": "whitened"},
        {"evidence": "likeness", "likeness": "pair", "reciprocal": True},
        {"augmentation": True, "expansion": True, "reciprocal": True},
    ],
)
def test_degenerate_photos_give_a_whole_finite_ranking(vectors, classes, chosen):
    axes = principal_axes(vectors, 16)
    head = fit_head(axes, Examples.apart(axes.project(vectors), classes), draw_recipe(**chosen))
    gallery = gallery_vectors(head, axes.project(vectors), classes)
    queries = query_vectors(head, axes.project(vectors + 0.5), gallery)
    assert np.isfinite(gallery).all()
    assert np.isfinite(queries).all()
    found = search(ExactIndex(gallery), gallery, queries, len(vectors), reciprocal=head.recipe.reciprocal)
    assert (np.sort(found.ids, axis=1) == np.arange(len(vectors))).all()


def test_same_photos_same_bytes():
    first, second = (draw_head(*draw_photos())[0].posterior(draw_head(*draw_photos())[1]).tobytes() for _ in range(2))
    assert first == second
