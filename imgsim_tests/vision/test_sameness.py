"""What tells a model that has lost its photos from photos that are the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.errors import ModelError
from imgsim_assets.vision.sameness import FEWEST, MOST, Sameness, distances, farthest

RANDOM = np.random.default_rng(3)
PHOTOS = RANDOM.integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)
CONSTANT = np.tile(RANDOM.normal(size=16), (40, 1))


def vectors_of(photos: np.ndarray) -> np.ndarray:
    """Weak, and its own for each photo: mean colours, beside a constant."""
    return np.concatenate([np.ones((len(photos), 3)), photos.astype(float).mean(axis=(1, 2)) / 255], axis=1)


def faults(photos, vectors, at_once=8) -> str:
    watch = Sameness("some model")
    try:
        for start in range(0, len(photos), at_once):
            watch.look(photos[start : start + at_once], vectors[start : start + at_once])
    except ModelError as error:
        return error.found
    return ""


@pytest.mark.parametrize("at_once", [1, 3, 40])
@pytest.mark.parametrize("photos", [PHOTOS, ((PHOTOS.astype(np.float32) - 128) / 60).transpose(0, 3, 1, 2)])
def test_one_vector_for_different_photos_is_found(photos, at_once):
    noise = RANDOM.normal(size=CONSTANT.shape) * 1e-5
    assert "one and the same for" in faults(photos, CONSTANT, at_once)
    assert "one and the same for" in faults(photos, CONSTANT + noise, at_once)
    assert "one and the same for" in faults(photos, CONSTANT * RANDOM.uniform(1, 9, (40, 1)), at_once)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_no_vector_for_many_photos_is_found(value):
    vectors = vectors_of(PHOTOS)
    vectors[::2] = value
    vectors[1:4] = value
    assert "zero or not finite for" in faults(PHOTOS, vectors, at_once=40)


def test_it_is_found_however_late_it_comes():
    many = RANDOM.integers(0, 256, (4 * MOST, 12, 12, 3), dtype=np.uint8)
    vectors = np.concatenate([vectors_of(many[: 2 * MOST]), np.full((2 * MOST, 6), 7.0)])
    assert faults(many[: 2 * MOST], vectors[: 2 * MOST]) == ""
    assert "one and the same for" in faults(many, vectors)


def test_photos_that_are_different_have_vectors_that_are():
    assert faults(PHOTOS, vectors_of(PHOTOS)) == ""


@given(st.integers(1, 60), st.integers(0, 6), st.sampled_from(["same", "nearly", "flat"]))
def test_photos_that_are_alike_say_nothing_against_a_model(copies, others, how):
    """Placeholders, copies, plain colours; and a few photos among them."""
    alike = np.repeat(PHOTOS[:1], copies, axis=0)
    if how == "nearly":
        alike = (alike.astype(int) + np.random.default_rng(copies).integers(-4, 5, alike.shape)).clip(0, 255)
    if how == "flat":
        alike = np.full_like(alike, 1) * np.linspace(0, 255, copies).astype(np.uint8)[:, None, None, None]
    photos = np.concatenate([alike.astype(np.uint8), PHOTOS[1 : 1 + others]])
    vectors = np.concatenate([CONSTANT[:1].repeat(copies, axis=0), RANDOM.normal(size=(others, 16))])
    assert faults(photos, vectors) == ""


def test_a_few_photos_without_a_vector_are_failures_of_their_own():
    vectors = vectors_of(PHOTOS)
    vectors[: FEWEST - 1] = 0
    assert faults(PHOTOS, vectors) == ""


def test_distances_are_told_below_what_inner_products_can():
    one = RANDOM.normal(size=32)
    vectors = np.stack([one, one + 1e-7 * RANDOM.normal(size=32), -one])
    found = distances(vectors)
    assert 1e-9 < found[0, 1] < 1e-6
    assert farthest(vectors) == pytest.approx(2)
    assert farthest(np.full((3, 4), np.nan)) == 0
