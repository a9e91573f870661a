"""Codebooks are learned from descriptors, the same ones from the same."""

import numpy as np

from imgsim_workshop.codebooks import learn_codebook


def test_a_codebook_finds_the_groups_that_are_there():
    centres = np.array([[4, 0, 0, 0], [0, 4, 0, 0], [0, 0, 4, 0]], dtype=np.float32)
    random = np.random.default_rng(0)
    group = random.integers(0, 3, 900)
    descriptors = (centres[group] + random.normal(0, 0.2, (900, 4))).astype(np.float32)
    places = np.zeros((900, 2), dtype=np.float32)
    book = learn_codebook(descriptors, places, axes=3, gaussians=3, place_weight=1.0, seed=0)
    shares = book._shares(book.points(descriptors, places))
    assert len({tuple(np.unique(shares[group == one].argmax(axis=1))) for one in range(3)}) == 3
    assert shares.max(axis=1).min() > 0.99
    again = learn_codebook(descriptors, places, axes=3, gaussians=3, place_weight=1.0, seed=0)
    np.testing.assert_array_equal(book.means, again.means)
