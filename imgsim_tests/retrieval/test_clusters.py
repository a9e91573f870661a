import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from imgsim_assets.retrieval.clusters import cluster_count, find_clusters
from imgsim_tests.retrieval.synthetic import draw_photos


def test_clear_groups_are_found_with_sure_membership():
    vectors, classes = draw_photos(classes=6, photos=20, spread=12.0)
    found = find_clusters(vectors, 6, seed=0)
    assert adjusted_rand_score(classes, found.numbers) == pytest.approx(1.0)
    assert found.count == 6
    assert found.membership.min() > 0.9


def test_a_photo_between_two_groups_is_less_sure():
    random = np.random.default_rng(0)
    groups = np.concatenate([random.normal(-5, 1, (40, 2)), random.normal(5, 1, (40, 2)), [[0.0, 0.0]]])
    membership = find_clusters(groups, 2, seed=0).membership
    assert membership[-1] < membership[:-1].mean()
    assert (membership > 0).all()
    assert (membership <= 1).all()


def test_same_seed_same_clusters():
    vectors, _ = draw_photos(spread=1.0)
    left, right = find_clusters(vectors, 5, 3), find_clusters(vectors, 5, 3)
    np.testing.assert_array_equal(left.numbers, right.numbers)
    np.testing.assert_array_equal(left.membership, right.membership)


@pytest.mark.parametrize(("vectors", "most"), [(np.ones((5, 3)), 1), (np.eye(2), 2), (np.ones((1, 4)), 1)])
def test_no_more_clusters_than_different_photos(vectors, most):
    found = find_clusters(vectors, 10, 0)
    assert found.count == most
    assert np.isfinite(found.membership).all()


def test_count_is_the_known_classes_when_most_photos_are_labelled():
    vectors, classes = draw_photos(classes=5, photos=6)
    known = np.where(np.arange(len(classes)) % 3 == 0, -1, classes)
    assert cluster_count(vectors, known, 0) == 5


def test_count_is_estimated_without_labels():
    vectors, _ = draw_photos(classes=12, photos=20, spread=10.0)
    assert 10 <= cluster_count(vectors, np.full(len(vectors), -1), 0) <= 16


@pytest.mark.parametrize("vectors", [np.ones((6, 3)), np.eye(2), np.ones((1, 2))])
def test_count_of_degenerate_photos(vectors):
    assert 1 <= cluster_count(vectors, np.full(len(vectors), -1), 0) <= len(vectors)
