import numpy as np
import pytest

from imgsim_assets.retrieval.clusters import Clusters
from imgsim_assets.retrieval.learning_set import guess_classes, learn, learning_mode, training_classes
from imgsim_assets.retrieval.pseudo_labels import PseudoLabels, pseudo_labels
from imgsim_assets.settings import Head
from imgsim_tests.retrieval.heads import draw_pool
from imgsim_tests.retrieval.synthetic import draw_photos

TRAIN = np.array([True, True, True, True, False])


def guesses(classes, confidence):
    return PseudoLabels(np.array(classes), np.array(confidence, dtype=float))


def test_labels_stay_and_clusters_without_label_are_classes_of_their_own():
    numbers = np.array([0, 0, 1, 1, 2])
    found = pseudo_labels(
        np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1], [-1.0, -1.0]]),
        np.eye(5),
        Clusters(numbers, np.full(5, 0.7), 3),
        np.array([4, -1, 6, -1, -1]),
    )
    assert found.classes.tolist() == [4, 4, 6, 6, 7 + 2]
    assert found.confidence[[0, 2]].tolist() == [1.0, 1.0]
    assert found.confidence[4] == 0.7
    assert (found.confidence[[1, 3]] > 0.5).all()


def test_without_any_label_clusters_are_the_classes():
    found = pseudo_labels(np.eye(3), np.eye(3), Clusters(np.array([1, 0, 1]), np.ones(3), 2), np.full(3, -1))
    assert found.classes.tolist() == [1, 0, 1]


def test_a_few_labels_name_most_of_the_rest():
    vectors, truth = draw_photos(classes=8, photos=20, spread=4.0)
    known = np.where(np.arange(len(truth)) % 20 < 2, truth, -1)
    found = guess_classes(draw_pool(vectors, known))
    assert (found.classes == truth).mean() > 0.9
    right = found.classes[known == -1] == truth[known == -1]
    assert abs(found.confidence[known == -1].mean() - right.mean()) < 0.25


@pytest.mark.parametrize(
    ("classes", "mode"),
    [
        ([0, 1, -1, -1], "labelled"),
        ([0, -1, -1, -1], "partly labelled"),
        ([-1] * 4, "unlabelled"),
        ([], "unlabelled"),
    ],
)
def test_modes(classes, mode):
    assert learning_mode(np.array(classes, dtype=int)) == mode


def test_where_most_photos_are_labelled_nothing_is_guessed():
    classes = np.array([0, 1, -1, -1, -1])
    assert training_classes(classes, guesses([0, 1, 0, 1, 1], [1, 1, 0.9, 0.1, 1]), TRAIN, 0.6).tolist() == [
        0,
        1,
        -1,
        -1,
        -1,
    ]


def test_test_photos_are_learned_from_where_labels_are_few_and_unsure_ones_are_left_out():
    classes = np.array([0, -1, -1, -1, -1])
    found = training_classes(classes, guesses([0, 1, 0, 1, 1], [1, 0.9, 0.9, 0.1, 1]), TRAIN, 0.6)
    assert found.tolist() == [0, 1, 0, -1, 1]


def test_with_nothing_sure_every_guess_is_taken():
    found = training_classes(np.full(5, -1), guesses([0, 1, 0, 1, 1], [0.1] * 5), TRAIN, 0.9)
    assert found.tolist() == [0, 1, 0, 1, 1]


def test_photos_that_are_left_out_do_not_move_the_head():
    vectors, classes = draw_photos()
    pool = draw_pool(vectors, classes)
    some = np.where(np.arange(len(classes)) % 3 == 0, -1, classes)
    left = learn(pool, some, Head(shrinkage=0.3))
    kept = some != -1
    assert np.array_equal(left.classes, np.unique(classes[kept]))
    assert left.metric.mean == pytest.approx(pool.coordinates[kept].mean(axis=0))
