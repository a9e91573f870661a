from dataclasses import replace

import numpy as np
import pytest

from imgsim_assets.retrieval.clusters import Clusters
from imgsim_assets.retrieval.learning_set import (
    Pool,
    guess_classes,
    learned_classes,
    learning_mode,
    lesson_of_fold,
    training_classes,
)
from imgsim_assets.retrieval.principal import principal_axes
from imgsim_assets.retrieval.pseudo_labels import PseudoLabels, pseudo_labels
from imgsim_tests.retrieval.heads import draw_pool, draw_recipe
from imgsim_tests.retrieval.synthetic import draw_photos

TRAIN = np.array([True, True, True, True, False])


def labelled_pool(classes):
    """Give five photos with these classes, and nothing else of interest."""
    nothing = Clusters(np.zeros(5, dtype=int), np.ones(5), 1)
    return Pool(principal_axes(np.eye(5), 4), np.eye(5), np.eye(5), nothing, np.array(classes), np.arange(5), TRAIN)


def guesses(classes, confidence):
    return PseudoLabels(np.array(classes), np.array(confidence, dtype=float))


def test_labels_stay_and_clusters_without_label_are_classes_of_their_own():
    numbers = np.array([0, 0, 1, 1, 2])
    found = pseudo_labels(
        np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1], [-1.0, -1.0]]),
        np.eye(5),
        Clusters(numbers, np.full(5, 0.7), 3),
        np.array([4, -1, 6, -1, -1]),
        np.arange(5),
    )
    assert found.classes.tolist() == [4, 4, 6, 6, 7 + 2]
    assert found.confidence[[0, 2]].tolist() == [1.0, 1.0]
    assert found.confidence[4] == 0.7
    assert (found.confidence[[1, 3]] > 0.5).all()


def test_without_any_label_clusters_are_the_classes():
    found = pseudo_labels(
        np.eye(3), np.eye(3), Clusters(np.array([1, 0, 1]), np.ones(3), 2), np.full(3, -1), np.arange(3)
    )
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


def test_nothing_is_guessed_unless_the_recipe_asks_for_it_or_nothing_else_is_there():
    vectors, truth = draw_photos(classes=4, photos=12, spread=5.0)
    some = np.where(np.arange(len(truth)) % 12 < 4, truth, -1)
    pool = draw_pool(vectors, some, clusters=4)
    assert learned_classes(pool, draw_recipe(), 0.6).tolist() == some.tolist()
    guessing = learned_classes(pool, draw_recipe(pseudo_labels=True), 0.6)
    assert (guessing[some == -1] != -1).mean() > 0.8
    unlabelled = draw_pool(vectors, np.full(len(truth), -1), clusters=4)
    assert len(set(learned_classes(unlabelled, draw_recipe(), 0.0).tolist())) > 1


def test_photos_are_learned_from_where_the_guess_is_sure():
    pool = labelled_pool([0, -1, -1, -1, -1])
    found = training_classes(pool, guesses([0, 1, 0, 1, 1], [1, 0.9, 0.9, 0.1, 1]), 0.6)
    assert found.tolist() == [0, 1, 0, -1, 1]


def test_with_nothing_sure_every_guess_is_taken():
    found = training_classes(labelled_pool([-1] * 5), guesses([0, 1, 0, 1, 1], [0.1] * 5), 0.9)
    assert found.tolist() == [0, 1, 0, 1, 1]


def test_a_lesson_knows_nothing_of_its_fold_and_learns_sure_guesses_of_the_others():
    vectors, truth = draw_photos(classes=8, photos=20, spread=4.0)
    known = np.where(np.arange(len(truth)) % 20 < 4, truth, -1)
    folds = np.arange(len(truth)) % 3
    pool = draw_pool(vectors, known)
    lesson = lesson_of_fold(pool, folds, 0, 0.6)
    assert (lesson[folds == 0] == -1).all()
    learned = lesson != -1
    assert (lesson[learned & (known != -1)] == known[learned & (known != -1)]).all()
    guessed = learned & (known == -1)
    assert guessed.sum() > 20
    assert (lesson[guessed] == truth[guessed]).mean() > 0.9
    # Labels of the fold make no difference.
    shuffled = known.copy()
    shuffled[folds == 0] = np.random.default_rng(0).permutation(known[folds == 0])
    other = draw_pool(vectors, shuffled)
    assert lesson_of_fold(other, folds, 0, 0.6).tolist() == lesson.tolist()


def test_clusters_are_numbered_above_all_names_where_networks_know_more():
    vectors, truth = draw_photos(classes=8, photos=20, spread=4.0)
    known = np.where((np.arange(len(truth)) % 20 < 4) & (truth < 3), truth, -1)
    pool = draw_pool(vectors, known)
    numbers = guess_classes(replace(pool, class_scores=np.zeros((len(truth), 8)))).classes
    assert set(np.unique(numbers[known == -1]).tolist()).isdisjoint(range(3, 8))
    assert numbers.max() >= 8


def test_a_lesson_has_named_classes_only():
    vectors, truth = draw_photos(classes=8, photos=20, spread=4.0)
    known = np.where((np.arange(len(truth)) % 20 < 4) & (truth < 5), truth, -1)
    lesson = lesson_of_fold(draw_pool(vectors, known), np.arange(len(truth)) % 3, 1, 0.0)
    assert set(np.unique(lesson).tolist()) <= {-1, 0, 1, 2, 3, 4}


def test_class_scores_are_those_of_the_photos_asked_for_or_none():
    pool = labelled_pool([0, 0, 1, 1, -1])
    assert pool.scores_of(TRAIN) is None
    scores = np.arange(10.0).reshape(5, 2)
    np.testing.assert_array_equal(replace(pool, class_scores=scores).scores_of(TRAIN), scores[:4])
