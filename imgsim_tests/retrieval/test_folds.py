"""Folds ask every labelled photo once, and keep near-duplicates together."""

import numpy as np
import pytest

from imgsim_assets.retrieval.folds import NotCrossValidated, deal_folds, grouped_folds


def test_photos_can_be_left_out_altogether():
    classes = np.repeat(np.arange(4), 6)
    left_out = np.arange(24) % 6 == 0
    folds = deal_folds(classes, np.arange(24), 4, 0, left_out)
    assert not set(folds.rows.tolist()) & set(np.flatnonzero(left_out).tolist())
    assert sorted([*folds.asked(1), *folds.known(1)]) == np.flatnonzero(~left_out).tolist()


def test_folds_keep_groups_together_and_classes_apart():
    classes = np.repeat(np.arange(5), 8)
    groups = np.arange(40) // 2
    fold = grouped_folds(classes, groups, 4, seed=1)
    assert all(len(set(fold[groups == group])) == 1 for group in range(20))
    for number in range(5):
        assert np.bincount(fold[classes == number], minlength=4).tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("classes", "groups"),
    [
        (np.full(8, -1), np.arange(8)),
        (np.arange(8), np.arange(8)),
        (np.zeros(8, dtype=int), np.zeros(8, dtype=int)),
        (np.array([0, 0, 1] + [-1] * 5), np.arange(8)),
    ],
)
def test_too_few_labels_give_a_reason(classes, groups):
    found = deal_folds(classes, groups, 4, 0)
    assert isinstance(found, NotCrossValidated)
    assert found.reason


def test_without_a_seed_the_photos_of_a_class_are_dealt_as_they_stand():
    classes = np.array([3, 1, 1, 3, 1, 1, 3, 3])
    assert grouped_folds(classes, np.arange(8), 2, seed=None).tolist() == [0, 0, 1, 1, 0, 1, 0, 1]
    groups = np.array([9, 5, 5, 8, 4, 4, 7, 7])  # numbers of groups say nothing
    assert grouped_folds(classes, groups, 2, seed=None).tolist() == [0, 0, 0, 1, 1, 1, 0, 0]
