"""Fisher vectors against their definition: the gradient of the log likelihood, by finite differences."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from imgsim_assets.vision.fisher import Codebook

RANDOM = np.random.default_rng(0)
BOOK = Codebook(
    mean=np.zeros(5, dtype=np.float32),
    axes=np.eye(5, 3, dtype=np.float32),
    weights=np.array([0.2, 0.5, 0.3], dtype=np.float32),
    means=RANDOM.normal(size=(3, 5)).astype(np.float32),
    variances=RANDOM.uniform(0.5, 2, (3, 5)).astype(np.float32),
    place_weight=np.array(1.5, dtype=np.float32),
)
DESCRIPTORS = RANDOM.normal(size=(40, 5)).astype(np.float32)
PLACES = RANDOM.uniform(-0.5, 0.5, (40, 2)).astype(np.float32)


def likelihood(points, means, deviations) -> float:
    by_gaussian = norm.logpdf(points[:, np.newaxis], means, deviations).sum(axis=2)
    return float(logsumexp(by_gaussian + np.log(BOOK.weights.astype(float)), axis=1).sum())


def test_it_is_the_gradient_by_means_and_deviations_scaled_by_the_fisher_information(monkeypatch):
    monkeypatch.setattr("imgsim_assets.vision.fisher.LEAST_SHARE", 0.0)
    points = BOOK.points(DESCRIPTORS, PLACES).astype(float)
    means, deviations = BOOK.means.astype(float), np.sqrt(BOOK.variances.astype(float))
    gradients = np.zeros((2, 3, 5))
    step = 1e-5
    for k in range(3):
        for d in range(5):
            for which in range(2):
                values = []
                for sign in (1, -1):
                    moved = [means.copy(), deviations.copy()]
                    moved[which][k, d] += sign * step
                    values.append(likelihood(points, *moved))
                gradients[which, k, d] = (values[0] - values[1]) / (2 * step)
    # The information's diagonal: w / s^2 for a mean, 2 w / s^2 for a deviation (Perronnin et al. 2010).
    root = np.sqrt(BOOK.weights.astype(float))[:, np.newaxis]
    scaled = np.concatenate([gradients[0] * deviations / root, gradients[1] * deviations / (np.sqrt(2) * root)], axis=1)
    expected = np.sign(scaled.ravel()) * np.sqrt(np.abs(scaled.ravel()))
    np.testing.assert_allclose(BOOK.encode(DESCRIPTORS, PLACES), expected / np.linalg.norm(expected), atol=2e-4)


def test_neither_the_order_nor_the_number_of_descriptors_shows():
    one = BOOK.encode(DESCRIPTORS, PLACES)
    twice = np.tile(np.arange(40)[::-1], 2)
    np.testing.assert_allclose(BOOK.encode(DESCRIPTORS[twice], PLACES[twice]), one, atol=1e-5)
    assert one.dtype == np.float32
    assert one.shape == (BOOK.dimension,) == (30,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-6)
