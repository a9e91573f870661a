import numpy as np
import pytest

from imgsim_assets.retrieval.clusters import Clusters
from imgsim_assets.retrieval.learning_set import learning_mode, training_classes
from imgsim_assets.retrieval.pseudo_labels import PseudoLabels, pseudo_labels

TRAIN = np.array([True, True, True, True, False])


def clusters(numbers, membership=None):
    sure = np.ones(len(numbers)) if membership is None else np.array(membership)
    return Clusters(np.array(numbers), sure, max(numbers) + 1)


def test_labels_stay_majority_wins_and_empty_clusters_name_themselves():
    found = pseudo_labels(clusters([0, 0, 0, 0, 1], [1, 1, 1, 0.5, 0.7]), ["cat", "cat", "dog", None, None])
    assert found.labels == ["cat", "cat", "dog", "cat", "cluster_0001"]
    np.testing.assert_allclose(found.confidence, [1, 1, 1, 0.5 * 2 / 4, 0.7])


def test_ties_go_to_the_first_name_and_a_real_label_is_never_taken_for_a_cluster():
    found = pseudo_labels(clusters([0, 0, 0, 1, 2]), ["b", "a", None, None, "cluster_0001"])
    assert found.labels[2:4] == ["a", "_cluster_0001"]


@pytest.mark.parametrize(
    ("labels", "mode"),
    [
        (["a", "b", None, None], "labelled"),
        (["a", None, None, None], "partly labelled"),
        ([None] * 4, "unlabelled"),
        ([], "unlabelled"),
    ],
)
def test_modes(labels, mode):
    assert learning_mode(labels) == mode


def test_unsure_pseudo_labels_are_left_out():
    guessed = PseudoLabels(["a", "b", "a", "b", "b"], np.array([1, 1, 0.9, 0.1, 1.0]))
    found = training_classes(["a", "b", None, None, None], guessed, TRAIN, 0.6)
    assert found.mode == "labelled"
    assert found.classes.tolist() == [0, 1, 0, -1, -1]
    assert found.names == ["a", "b"]


def test_test_photos_are_learned_from_where_labels_are_few():
    guessed = PseudoLabels(["a", "b", "a", "b", "b"], np.array([1, 0.9, 0.9, 0.1, 1.0]))
    found = training_classes(["a", None, None, None, None], guessed, TRAIN, 0.6)
    assert found.mode == "partly labelled"
    assert found.classes.tolist() == [0, 1, 0, -1, 1]


def test_with_nothing_sure_every_guess_is_taken():
    guessed = PseudoLabels(["x", "y", "x", "y", "y"], np.full(5, 0.1))
    assert training_classes([None] * 5, guessed, TRAIN, 0.9).classes.tolist() == [0, 1, 0, 1, 1]
