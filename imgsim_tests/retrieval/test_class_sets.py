import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from imgsim_assets.retrieval.class_sets import (
    ClassMeans,
    class_posterior,
    fit_temperature,
    query_features,
    set_features,
)
from imgsim_assets.retrieval.glrt import GlrtMetric
from imgsim_tests.budget import examples


def joint_log_ratio(query, photos, between):
    """log p(query | photos, same class) - log p(query | another class), from joint Gaussian densities alone."""
    total = 0.0
    for k, b in enumerate(between):
        size = len(photos)

        def density(values, b=b):
            cov = b * np.ones((len(values), len(values))) + np.eye(len(values))
            return multivariate_normal(np.zeros(len(values)), cov).logpdf(values)

        together = density(np.append(photos[:, k], query[k]))
        total += together - density(photos[:, k]) - density(query[k : k + 1])
        assert size == len(photos)
    return total


@given(st.integers(0, 10_000), st.integers(1, 6))
@settings(max_examples=examples(60))
def test_inner_product_is_the_log_ratio_of_gaussian_densities(seed, size):
    random = np.random.default_rng(seed)
    between = np.sort(random.gamma(1.0, 5.0, size=4))[::-1] + 1e-3
    photos, query = random.normal(size=(size, 4)) * 3, random.normal(size=(1, 4)) * 3
    features = set_features(photos.mean(axis=0, keepdims=True), np.array([size]), between)
    score = query_features(query, between) @ features.T
    assert score[0, 0] == pytest.approx(joint_log_ratio(query[0], photos, between), rel=1e-9, abs=1e-9)


def test_pair_score_is_symmetric():
    random = np.random.default_rng(1)
    between, photos = np.array([6.0, 1.0, 0.2]), random.normal(size=(9, 3)) * 2
    scores = query_features(photos, between) @ set_features(photos, np.ones(9), between).T
    np.testing.assert_allclose(scores, scores.T, atol=1e-9)


def test_class_scores_are_those_of_its_photos_as_a_set():
    random = np.random.default_rng(2)
    between, photos, queries = np.array([4.0, 3.0]), random.normal(size=(5, 2)), random.normal(size=(3, 2))
    known = ClassMeans.of(photos, np.array([5, 5, 2, 2, 2]))
    assert known.numbers.tolist() == [2, 5]
    ratios = known.log_ratios(GlrtMetric(np.zeros(2), np.eye(2), between, 0.1), queries)
    for row, query in enumerate(queries):
        expected = [joint_log_ratio(query, photos[2:5], between), joint_log_ratio(query, photos[:2], between)]
        np.testing.assert_allclose(ratios[row], expected, rtol=1e-9, atol=1e-9)


def test_posterior_adds_up_and_survives_huge_ratios():
    posterior = class_posterior(np.array([[1e6, 0.0], [-1e6, -1e6]]))
    np.testing.assert_allclose(posterior, [[1.0, 0.0], [0.5, 0.5]])


@pytest.mark.parametrize("times", [0.5, 2, 20])
def test_temperature_undoes_a_known_over_confidence(times):
    random = np.random.default_rng(0)
    honest = random.normal(size=(4000, 5)) * 2
    weights = class_posterior(honest)
    truth = np.array([random.choice(5, p=row) for row in weights])
    assert fit_temperature(honest * times, truth) == pytest.approx(times, rel=0.15)
