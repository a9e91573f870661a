import numpy as np
import pytest

from imgsim_assets.retrieval.cross_validation import (
    CrossValidated,
    NotCrossValidated,
    cross_validate,
    grouped_folds,
)
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.settings import Evaluation, Head
from imgsim_tests.retrieval.heads import draw_pool
from imgsim_tests.retrieval.synthetic import draw_photos

HEAD, EVALUATION = Head(shrinkage=0.3), Evaluation(folds=4)


def validate(vectors, classes, groups):
    """Cross-validate photos [n, d], all of them train photos."""
    plain = normalise(vectors).astype(np.float32)
    pool = draw_pool(vectors, classes)
    return cross_validate(pool, plain, groups, head=HEAD, confidence=0.6, evaluation=EVALUATION)


def test_metric_beats_cosine_where_within_variance_hides_the_classes():
    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(10), 12)
    vectors = random.normal(size=(10, 20))[classes] + random.normal(size=(120, 20)) * ([8.0] * 5 + [0.8] * 15)
    found = validate(normalise(vectors), classes, np.arange(120))
    assert isinstance(found, CrossValidated)
    assert np.nanmean(found.scores) > np.nanmean(found.cosine_scores) + 0.2
    again = validate(normalise(vectors), classes, np.arange(120))
    np.testing.assert_array_equal(found.scores, again.scores)


def test_a_shuffled_labelling_scores_like_chance():
    vectors, classes = draw_photos(classes=10, photos=12)
    shuffled = np.random.default_rng(0).permutation(classes)
    found = validate(vectors, shuffled, np.arange(120))
    assert np.nanmean(found.scores) < 0.2


def test_near_duplicates_never_help():
    # Each photo is there twice and photos of a class are otherwise unlike: a leak would score near 1.
    vectors = np.repeat(np.random.default_rng(0).normal(size=(60, 40)), 2, axis=0)
    classes, groups = np.arange(120) // 2 % 6, np.arange(120) // 2
    found = validate(vectors, classes, groups)
    assert np.nanmean(found.scores) < 0.5
    leaking = validate(vectors, classes, np.arange(120))
    assert np.nanmean(leaking.cosine_scores) > np.nanmean(found.cosine_scores)


def test_unlabelled_photos_take_no_part():
    vectors, classes = draw_photos()
    classes[::4] = -1
    found = validate(vectors, classes, np.arange(len(classes)))
    np.testing.assert_array_equal(found.rows, np.flatnonzero(classes != -1))
    assert len(found.scores) == len(found.rows)


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
    found = validate(np.eye(8), classes, groups)
    assert isinstance(found, NotCrossValidated)
    assert found.reason
