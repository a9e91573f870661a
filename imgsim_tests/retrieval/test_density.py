import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from imgsim_assets.retrieval.density import LEAST_PHOTOS, find_dense_clusters
from imgsim_tests.retrieval.synthetic import draw_photos

CONFIDENCE = 0.6


def groups_and_strays(strays=6, seed=0):
    random = np.random.default_rng(seed)
    centres = np.array([[-10.0, 0.0], [10.0, 0.0], [0.0, 15.0]])
    dense = np.repeat(centres, 30, axis=0) + random.normal(0, 0.5, (90, 2))
    far = random.uniform(40, 400, (strays, 1)) * random.normal(size=(strays, 2))
    return np.concatenate([dense, far]), np.repeat(np.arange(3), 30)


def test_clear_groups_and_their_number_are_found():
    vectors, classes = draw_photos(classes=9, photos=20, spread=12.0)
    found = find_dense_clusters(vectors)
    assert found.count == 9
    assert adjusted_rand_score(classes, found.numbers) > 0.95


def test_groups_of_any_shape_are_found():
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    found = find_dense_clusters(np.concatenate([circle, 3 * circle]))
    assert found.count == 2
    assert len(set(found.numbers[:200])) == len(set(found.numbers[200:])) == 1


def test_strays_join_the_nearest_group_without_being_learned_from():
    photos, classes = groups_and_strays()
    found = find_dense_clusters(photos)
    assert found.count == 3
    assert adjusted_rand_score(classes, found.numbers[:90]) == pytest.approx(1.0)
    centres = np.stack([photos[:90][found.numbers[:90] == number].mean(axis=0) for number in range(3)])
    for stray, number, membership in zip(photos[90:], found.numbers[90:], found.membership[90:], strict=True):
        assert number == np.linalg.norm(centres - stray, axis=1).argmin()
        assert 0 < membership <= 0.5 < CONFIDENCE
        assert membership < found.membership[:90][found.numbers[:90] == number].min()


def test_every_photo_has_a_cluster_and_a_membership():
    photos, _ = groups_and_strays(strays=60, seed=1)
    found = find_dense_clusters(photos)
    assert found.numbers.dtype == np.int64
    assert found.membership.dtype == np.float64
    np.testing.assert_array_equal(np.unique(found.numbers), np.arange(found.count))
    assert ((found.membership > 0) & (found.membership <= 1)).all()


def test_same_photos_same_clusters_in_any_order():
    photos, _ = groups_and_strays(strays=20)
    order = np.random.default_rng(3).permutation(len(photos))
    once, again, mixed = (find_dense_clusters(given) for given in (photos, photos.copy(), photos[order]))
    for left, right in ((once, again), (mixed, type(once)(once.numbers[order], once.membership[order], once.count))):
        np.testing.assert_array_equal(left.numbers, right.numbers)
        np.testing.assert_array_equal(left.membership, right.membership)


def test_copies_of_a_photo_are_no_cluster_of_their_own():
    photos, _ = groups_and_strays(strays=2)
    copies = np.concatenate([photos, np.tile(photos[:1], (40, 1)), np.tile(photos[-1:], (40, 1))])
    plain, copied = find_dense_clusters(photos), find_dense_clusters(copies)
    assert copied.count == 3
    np.testing.assert_array_equal(copied.numbers[: len(photos)], plain.numbers)
    assert (copied.membership[-40:] == plain.membership[-1]).all()


@pytest.mark.parametrize(
    "vectors",
    [
        np.ones((1, 4)),
        np.eye(2),
        np.ones((50, 3)),
        np.zeros((7, 1)),
        np.eye(LEAST_PHOTOS - 1),
        np.eye(LEAST_PHOTOS),
        np.eye(40),
        np.ones((30, 2), dtype=np.float32),
        np.linspace(0.0, 1.0, 9)[:, None],
    ],
)
def test_where_nothing_is_dense_all_photos_are_one_unsure_cluster(vectors):
    found = find_dense_clusters(vectors)
    assert found.count == 1
    assert found.numbers.tolist() == [0] * len(vectors)
    assert found.membership.tolist() == [0.5] * len(vectors)
