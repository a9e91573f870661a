import numpy as np
import pytest

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.descriptors import assemble_descriptors, normalise


def vectors(seed, width, count=5):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def test_mirror_is_averaged_and_other_views_are_blocks_of_their_own():
    parts = {("a", "rgb"): vectors(0, 4), ("a", "mirror"): vectors(1, 4), ("a", "canny_edges"): vectors(2, 4)}
    found = assemble_descriptors(parts | {("b", "rgb"): vectors(3, 6)})
    assert found.shape == (5, 14)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found[:, :4], axis=1), np.sqrt(1 / 3), rtol=1e-6)
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (vectors(0, 4), vectors(1, 4))]
    mean = sum(unit) / np.linalg.norm(sum(unit), axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, :4], mean / np.sqrt(3), atol=1e-6)


def test_inner_product_is_the_mean_of_the_backbones_cosines():
    a, b = vectors(0, 4), vectors(1, 7)
    found = assemble_descriptors({("a", "rgb"): a, ("b", "rgb"): b * 1000})

    def cosine(x):
        return x[0] @ x[1] / np.linalg.norm(x[0]) / np.linalg.norm(x[1])

    assert found[0] @ found[1] == pytest.approx((cosine(a) + cosine(b)) / 2, abs=1e-6)


def test_a_zero_vector_stays_zero():
    values = vectors(0, 3)
    values[2] = 0
    assert not assemble_descriptors({("a", "rgb"): values})[2].any()


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {("a", "rgb"): np.full((2, 3), np.nan)},
        {("a", "rgb"): np.ones((2, 3)), ("b", "rgb"): np.ones((3, 3))},
        {("a", "rgb"): np.ones((2, 3)), ("a", "mirror"): np.ones((2, 4))},
    ],
)
def test_what_cannot_be_joined_is_refused(broken):
    with pytest.raises(ArtefactError):
        assemble_descriptors(broken)


def test_power_is_for_vectors_without_a_negative_value():
    values = np.array([[4.0, 9.0, 0.0], [4.0, -9.0, 1.0]])
    found = assemble_descriptors({("a", "rgb"): values}, power=0.5)
    np.testing.assert_allclose(found[0], np.array([2.0, 3.0, 0.0]) / np.sqrt(13), rtol=1e-6)
    np.testing.assert_allclose(found[1], values[1] / np.sqrt(98), rtol=1e-6)
    np.testing.assert_array_equal(
        assemble_descriptors({("a", "rgb"): values}), assemble_descriptors({("a", "rgb"): values}, 1.0)
    )


def test_a_view_and_its_mirror_image_are_one_block():
    random = np.random.default_rng(0)
    zoom, mirrored, rgb = (random.normal(size=(3, 4)) for _ in range(3))
    found = assemble_descriptors({("a", "rgb"): rgb, ("a", "zoom"): zoom, ("a", "zoom_mirror"): mirrored})
    assert found.shape == (3, 8)
    both = normalise(normalise(zoom) + normalise(mirrored)) / np.sqrt(2)
    np.testing.assert_allclose(found[:, 4:], both, atol=1e-6)
