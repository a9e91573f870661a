"""Expanded queries and augmented galleries, beside the loops that their definitions are."""

from math import fsum, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.retrieval import expansion
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.expansion import augment_gallery, expand_queries
from imgsim_tests.budget import examples
from imgsim_tests.retrieval.arcs import draw_arcs, mean_precision, ranked

ALPHAS = st.sampled_from([0.0, 0.5, 1.0, 3.0])


def unit(vector):
    length = sqrt(fsum(value * value for value in vector))
    return [value / length for value in vector] if length else list(vector)


def single_precision(vector):
    return [float(np.float32(value)) for value in unit(vector)]


def naive_sum(centre, others, neighbours, alpha):
    """Walk through `others`, nearest first, the earlier one of two equals first."""
    cosines = [fsum(a * b for a, b in zip(centre, other, strict=True)) for other in others]
    total = list(centre)
    for place in sorted(range(len(others)), key=lambda place: (-cosines[place], place))[:neighbours]:
        if cosines[place] > 0:
            total = [a + cosines[place] ** alpha * b for a, b in zip(total, others[place], strict=True)]
    return unit(total)


def naive_queries(gallery, queries, neighbours, alpha):
    others = [single_precision(vector) for vector in gallery.tolist()]
    return [naive_sum(single_precision(query), others, neighbours, alpha) for query in queries.tolist()]


def naive_gallery(gallery, neighbours, alpha):
    vectors = [single_precision(vector) for vector in gallery.tolist()]
    return [
        naive_sum(vector, vectors[:row] + vectors[row + 1 :], neighbours, alpha) for row, vector in enumerate(vectors)
    ]


def small_whole_numbers(seed, count, width, largest=2):
    """Draw vectors with many copies, multiples, zeros and equal cosines."""
    random = np.random.default_rng(seed)
    return random.integers(-largest, largest + 1, size=(count, width)).astype(np.float32)


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 3), st.integers(1, 12), ALPHAS)
@settings(max_examples=examples(150))
def test_agrees_with_loops_also_with_copies_and_ties(seed, size, width, neighbours, alpha):
    gallery, queries = small_whole_numbers(seed, size, width), small_whole_numbers(seed + 1, 5, width)
    expanded, augmented = (
        expand_queries(gallery, queries, neighbours, alpha),
        augment_gallery(gallery, neighbours, alpha),
    )
    np.testing.assert_allclose(expanded, naive_queries(gallery, queries, neighbours, alpha), atol=1e-6)
    np.testing.assert_allclose(augmented, naive_gallery(gallery, neighbours, alpha), atol=1e-6)
    assert expanded.dtype == augmented.dtype == np.float32
    for found, given_vectors in [(expanded, queries), (augmented, gallery)]:
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), given_vectors.any(axis=1), atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_loops_on_vectors_of_any_length(seed):
    random = np.random.default_rng(seed)
    gallery, queries = random.normal(size=(70, 9)) * random.uniform(0.01, 100, (70, 1)), random.normal(size=(6, 9))
    np.testing.assert_allclose(expand_queries(gallery, queries), naive_queries(gallery, queries, 10, 3.0), atol=1e-6)
    np.testing.assert_allclose(augment_gallery(gallery, 4, 2.0), naive_gallery(gallery, 4, 2.0), atol=1e-6)


def test_known_expansion():
    gallery = np.array([[2.0, 0.0], [3.0, 3.0], [-1.0, 0.0], [0.0, 5.0]])
    weight = sqrt(0.5) ** 3
    total = np.array([1 + 1 + weight * sqrt(0.5), weight * sqrt(0.5)])
    for neighbours in (2, 3, 4):  # what is at right angles or behind adds nothing
        found = expand_queries(gallery, np.array([[7.0, 0.0]]), neighbours)
        np.testing.assert_allclose(found[0], total / np.linalg.norm(total), atol=1e-6)


def test_a_photo_is_not_its_own_neighbour_but_a_copy_of_it_is():
    gallery = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    found = augment_gallery(gallery, neighbours=1, alpha=0)
    halfway = normalise(np.array([[1 + sqrt(0.5), sqrt(0.5)]]))[0]
    np.testing.assert_allclose(found, [[1, 0], halfway[::-1], [1, 0], halfway], atol=1e-6)


def test_the_last_of_many_copies_has_as_many_neighbours_as_the_first():
    gallery = np.array([[0.6, 0.8]] * 30 + [[1.0, 0.0]], dtype=np.float32)
    found = augment_gallery(gallery, neighbours=30)
    np.testing.assert_array_equal(found[:30], np.tile(found[0], (30, 1)))
    np.testing.assert_allclose(found, naive_gallery(gallery, 30, 3.0), atol=1e-6)
    few = augment_gallery(gallery, neighbours=2)
    np.testing.assert_allclose(few[:30], gallery[:30], atol=1e-6)


def test_with_a_large_alpha_only_the_nearest_counts():
    gallery = np.array([[0.95, sqrt(1 - 0.95**2), 0], [0.6, 0, 0.8], [0.6, 0, -0.8], [0.5, -sqrt(0.75), 0]])
    query = np.array([[1.0, 0, 0]])
    np.testing.assert_allclose(expand_queries(gallery, query, 4, 30), expand_queries(gallery, query, 1, 30), atol=1e-6)
    assert np.abs(expand_queries(gallery, query, 4, 0) - expand_queries(gallery, query, 1, 0)).max() > 0.1
    np.testing.assert_allclose(expand_queries(gallery, query, 4, 1e6), query, atol=1e-6)


def test_a_gallery_of_one_photo_or_none():
    one = np.array([[3.0, 4.0]])
    np.testing.assert_allclose(augment_gallery(one), [[0.6, 0.8]], atol=1e-6)
    np.testing.assert_allclose(expand_queries(one, one), [[0.6, 0.8]], atol=1e-6)
    np.testing.assert_allclose(expand_queries(one[:0], one), [[0.6, 0.8]], atol=1e-6)
    assert augment_gallery(one[:0]).shape == expand_queries(one, one[:0]).shape == (0, 2)


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_zeros_stay_zeros_and_give_nothing(alpha):
    gallery = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    assert not augment_gallery(gallery, 3, alpha)[[0, 2]].any()
    assert not expand_queries(gallery, np.zeros((1, 2)), 3, alpha).any()
    np.testing.assert_array_equal(
        augment_gallery(gallery, 3, alpha)[[1, 3]], augment_gallery(gallery[[1, 3]], 3, alpha)
    )


def test_blocks_and_the_order_of_queries_change_no_bit(monkeypatch):
    gallery, queries, _, _ = draw_arcs(0)
    expanded, augmented = expand_queries(gallery, queries), augment_gallery(gallery)
    order = np.random.default_rng(0).permutation(len(queries))
    np.testing.assert_array_equal(expand_queries(gallery, queries[order]), expanded[order])
    monkeypatch.setattr(expansion, "BLOCK_VALUES", 700)
    np.testing.assert_array_equal(expand_queries(gallery, queries), expanded)
    np.testing.assert_array_equal(augment_gallery(gallery), augmented)


@pytest.mark.parametrize("seed", range(3))
def test_photos_of_two_classes_side_by_side_are_found_better(seed):
    gallery, queries, classes, wanted = draw_arcs(seed)
    augmented = augment_gallery(gallery)
    plain = mean_precision(ranked(gallery, queries), wanted, classes)
    expanded = mean_precision(ranked(gallery, expand_queries(gallery, queries)), wanted, classes)
    beside = mean_precision(ranked(augmented, queries), wanted, classes)
    both = mean_precision(ranked(augmented, expand_queries(augmented, queries)), wanted, classes)
    assert expanded > plain + 0.015
    assert beside > plain + 0.06
    assert both > max(expanded, beside) + 0.01


@pytest.mark.parametrize(("neighbours", "alpha"), [(0, 3.0), (-1, 3.0), (10, -0.1), (10, nan)])
def test_impossible_numbers_are_refused(neighbours, alpha):
    with pytest.raises(ValueError, match=r"expected (at least 1 neighbour|alpha of at least 0), found"):
        expand_queries(np.eye(3), np.eye(3), neighbours, alpha)
    with pytest.raises(ValueError, match=r"expected (at least 1 neighbour|alpha of at least 0), found"):
        augment_gallery(np.eye(3), neighbours, alpha)


@pytest.mark.parametrize("allowed", [1, 40, 400])
def test_no_block_is_larger_than_memory_allows(monkeypatch, allowed):
    """But for one photo's neighbours, which are the least."""
    random = np.random.default_rng(0)
    gallery, queries = random.normal(size=(30, 4)), random.normal(size=(25, 4))
    added = []
    monkeypatch.setattr(expansion, "normalise", lambda vectors: added.append(len(vectors)) or normalise(vectors))
    monkeypatch.setattr(expansion, "BLOCK_VALUES", allowed)
    expand_queries(gallery, queries, 5, 1.0)
    blocks = added[2:]
    assert sum(blocks) == len(queries)
    assert max(blocks) == max(1, allowed // (5 * 4))
