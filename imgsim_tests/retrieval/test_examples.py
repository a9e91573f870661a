"""Which photos are kept back to ask: of classes that are learned, and no near-duplicate of what is learned."""

import numpy as np

from imgsim_assets.retrieval import examples
from imgsim_assets.retrieval.examples import Examples


def kept_back(classes, groups=None, folds=5):
    classes = np.asarray(classes)
    near = np.arange(len(classes)) if groups is None else np.asarray(groups)
    return list(Examples(np.zeros((len(classes), 1)), classes, near).kept_back(folds))


def test_every_photo_whose_class_is_learned_is_asked_once():
    classes = np.append(np.repeat(np.arange(3), 7), 99)  # the last is alone in its class
    folds = kept_back(classes)
    assert sorted(np.concatenate([asked for _, asked in folds]).tolist()) == list(range(21))
    for learned, asked in folds:
        assert not learned[asked].any()
        assert set(classes[asked]) <= set(classes[learned])


def test_near_duplicates_are_never_on_both_sides():
    groups = np.repeat(np.arange(20), 2)
    for learned, asked in kept_back(np.repeat([0, 1], 20), groups):
        assert set(groups[asked]).isdisjoint(groups[learned])


def test_where_nothing_can_be_asked_there_is_no_fold():
    assert kept_back(np.arange(12)) == []  # no class has two photos
    assert kept_back(np.zeros(12, dtype=int)) == []  # one class is no question
    assert kept_back([0] * 6 + [1] * 6, groups=[0] * 6 + [1] * 6) == []  # each class is one photo, many times


def test_of_many_some_are_asked_over_the_whole_width(monkeypatch):
    monkeypatch.setattr(examples, "ASKED_A_FOLD", 10)
    for _, asked in kept_back(np.arange(300) % 3):
        assert 5 < len(asked) <= 10
        assert asked.max() - asked.min() > 200


def test_photos_are_taken_with_all_that_is_known_of_them():
    photos = Examples(np.eye(4), np.arange(4), np.array([7, 7, 8, 9]), np.arange(8.0).reshape(4, 2))
    some = photos.only(np.array([2, 0]))
    assert some.classes.tolist() == [2, 0]
    assert some.groups.tolist() == [8, 7]
    assert some.class_scores is not None
    assert some.class_scores.tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert some.coordinates.tolist() == np.eye(4)[[2, 0]].tolist()
    assert Examples.apart(np.eye(2), np.arange(2)).only(np.array([1])).class_scores is None
