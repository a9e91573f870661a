"""Class scores of fine-tuned networks beside the head: what helps is weighed, what does not is not."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.retrieval.cross_validation import cross_validate
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.fine_tuned import (
    NO_WEIGHT,
    FineTunedWeight,
    columns_of,
    fit_weight,
    held_out_accuracy,
    scores_of_photos,
)
from imgsim_assets.retrieval.folds import deal_folds
from imgsim_assets.retrieval.principal import principal_axes
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors
from imgsim_assets.retrieval.tuning import fit_head
from imgsim_tests.retrieval.heads import draw_pool, draw_recipe, draw_scores
from imgsim_tests.retrieval.synthetic import draw_photos

ASKING = {"fine_tuned": ("tuned",)}


def test_pooling_is_the_product_of_both_opinions():
    random = np.random.default_rng(0)
    one, other = (random.dirichlet(np.ones(4), size=6) for _ in range(2))
    pooled = np.exp(FineTunedWeight(0.5, 2.0).pooled(np.log(one), np.log(other)))
    expected = np.sqrt(one * np.sqrt(other))
    np.testing.assert_allclose(pooled, expected)


def test_columns_follow_the_class_numbers_and_a_nameless_cluster_has_no_opinion():
    scores = np.log(np.array([[0.7, 0.1, 0.2]]))
    found = columns_of(scores, np.array([0, 2, 5]))
    np.testing.assert_allclose(np.exp(found), [[0.7, 0.2, 1 / 3]])


@given(st.integers(0, 20))
def test_noise_weighs_next_to_nothing_and_what_knows_the_class_much(seed: int):
    classes = np.repeat(np.arange(8), 60)
    odds = draw_scores(classes, 8, 2.0, seed)
    noise = fit_weight(odds, draw_scores(classes, 8, 0.0, seed + 100), classes)
    knowing = fit_weight(odds, draw_scores(classes, 8, 2.0, seed + 200), classes)
    assert noise.weight < 0.2
    assert knowing.weight == pytest.approx(1.0, abs=0.35)
    assert knowing.temperature == pytest.approx(1.0, abs=0.25)


def test_networks_that_say_all_too_softly_are_believed_three_times_and_no_more():
    """Their scores, a tenth of what they should be, would fit best ten times as strong; folds are too few to go by."""
    classes = np.repeat(np.arange(8), 60)
    soft = 0.1 * draw_scores(classes, 8, 3.0, 1)
    found = fit_weight(draw_scores(classes, 8, 0.0, 2) * 0.0, soft, classes)
    assert found.weight / found.temperature > 3.0
    assert found.weight <= 3.0
    certain = fit_weight(draw_scores(classes, 8, 2.0, 1), 0.1 * draw_scores(classes, 8, 2.0, 5), classes)
    assert certain.weight == pytest.approx(3.0, abs=0.01)


def test_the_weight_is_the_best_of_a_grid():
    classes = np.repeat(np.arange(6), 50)
    odds, scores = draw_scores(classes, 6, 1.0, 1), draw_scores(classes, 6, 1.5, 2)

    def evidence(weight: FineTunedWeight) -> float:
        pooled = weight.pooled(odds, scores)
        pooled -= np.log(np.exp(pooled).sum(axis=1, keepdims=True))
        return float(pooled[np.arange(len(classes)), classes].mean())

    grid = [
        FineTunedWeight(weight, 10.0**power) for weight in np.linspace(0, 3, 31) for power in np.linspace(-1, 1, 41)
    ]
    assert evidence(fit_weight(odds, scores, classes)) >= max(map(evidence, grid)) - 1e-4


def test_a_head_that_asks_them_answers_by_the_pool_of_both():
    vectors, classes = draw_photos(classes=6, photos=12, spread=0.8)
    scores = draw_scores(classes, 6, 2.0)
    axes = principal_axes(vectors, 1024)
    coordinates = axes.project(vectors)
    plain = fit_head(axes, Examples.apart(coordinates, classes), draw_recipe())
    asking = fit_head(axes, Examples.apart(coordinates, classes, scores), draw_recipe(**ASKING))
    assert plain.tuning.fine_tuned == NO_WEIGHT
    assert asking.tuning.fine_tuned.weight > 0.1
    weight = asking.tuning.fine_tuned
    expected = plain.posterior(coordinates) * np.exp(scores) ** weight.weight
    expected **= 1.0 / weight.temperature
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(asking.posterior(coordinates, scores), expected, atol=1e-9)
    gallery = gallery_vectors(asking, coordinates, np.full(len(classes), -1), scores)
    np.testing.assert_allclose(gallery[:, :6], asking.posterior(coordinates, scores), atol=1e-6)
    queries = query_vectors(asking, coordinates, gallery, scores)
    np.testing.assert_allclose(queries[:, :6], asking.posterior(coordinates, scores), atol=1e-6)


def test_a_head_that_asks_them_says_so_where_there_are_none():
    vectors, classes = draw_photos(classes=3, photos=8)
    axes = principal_axes(vectors, 1024)
    head = fit_head(axes, Examples.apart(axes.project(vectors), classes), draw_recipe(**ASKING))
    with pytest.raises(ValueError, match="no class scores of tuned"):
        head.posterior(axes.project(vectors))


def test_cross_validation_gains_by_networks_that_know_and_not_by_noise():
    vectors, classes = draw_photos(classes=8, photos=15, spread=0.3)
    pool = draw_pool(vectors, classes)
    folds = deal_folds(classes, np.arange(len(classes)), 5, 0)
    plain = cross_validate(pool, folds, draw_recipe(), 0.6).mean()
    for sharpness, gains in ((2.5, True), (0.0, False)):
        asked = replace(pool, class_scores=draw_scores(classes, 8, sharpness))
        found = cross_validate(asked, folds, draw_recipe(**ASKING), 0.6).mean()
        assert (found > plain + 0.1) if gains else (found == pytest.approx(plain, abs=0.05))


def test_scores_are_found_by_content_and_what_is_not_known_is_no_opinion():
    said = np.log([[0.9, 0.1], [0.2, 0.8]])
    found = scores_of_photos(["b", "new", "a", "b"], ["a", "b"], said)
    np.testing.assert_allclose(np.exp(found), [[0.2, 0.8], [0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])


def test_accuracy_counts_the_photos_that_were_asked_about():
    scores = {"a": np.array([0.1, 0.9]), "b": np.array([0.9, 0.1])}
    photos = pl.DataFrame({"content_id": ["a", "b", "gone"], "label": ["dog", "dog", "cat"]})
    assert held_out_accuracy(["cat", "dog"], scores, photos) == 0.5
    assert held_out_accuracy(["cat", "dog"], {}, photos) is None


@pytest.mark.parametrize("doubt", [0.2, 5.0])
def test_the_temperature_is_that_by_which_the_others_are_too_sure(doubt):
    classes = np.repeat(np.arange(8), 200)
    odds = draw_scores(classes, 8, 1.0, 1)
    found = fit_weight(odds * doubt, np.zeros_like(odds), classes)
    assert found.temperature == pytest.approx(doubt, rel=0.1)
