import numpy as np

from imgsim_assets.retrieval.cross_validation import cross_validate, score_cosine
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.folds import deal_folds
from imgsim_tests.retrieval.heads import draw_pool, draw_recipe
from imgsim_tests.retrieval.synthetic import draw_photos

RECIPE = draw_recipe(shrinkage=0.3)


def validate(vectors, classes, groups):
    """Cross-validate photos [n, d], all of them train photos: AP@10 by the recipe and by plain cosine."""
    pool, folds = draw_pool(vectors, classes), deal_folds(classes, groups, 4, 0)
    scores = cross_validate(pool, folds, RECIPE, 0.6)
    return scores, score_cosine(normalise(vectors).astype(np.float32), classes, folds)


def test_metric_beats_cosine_where_within_variance_hides_the_classes():
    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(10), 12)
    vectors = random.normal(size=(10, 20))[classes] + random.normal(size=(120, 20)) * ([8.0] * 5 + [0.8] * 15)
    scores, cosine = validate(normalise(vectors), classes, np.arange(120))
    assert np.nanmean(scores) > np.nanmean(cosine) + 0.2
    again, _ = validate(normalise(vectors), classes, np.arange(120))
    np.testing.assert_array_equal(scores, again)


def test_a_shuffled_labelling_scores_like_chance():
    vectors, classes = draw_photos(classes=10, photos=12)
    shuffled = np.random.default_rng(0).permutation(classes)
    scores, _ = validate(vectors, shuffled, np.arange(120))
    assert np.nanmean(scores) < 0.2


def test_near_duplicates_never_help():
    # Each photo is there twice and photos of a class are otherwise unlike: a leak would score near 1.
    vectors = np.repeat(np.random.default_rng(0).normal(size=(60, 40)), 2, axis=0)
    classes, groups = np.arange(120) // 2 % 6, np.arange(120) // 2
    scores, cosine = validate(vectors, classes, groups)
    assert np.nanmean(scores) < 0.5
    _, leaking = validate(vectors, classes, np.arange(120))
    assert np.nanmean(leaking) > np.nanmean(cosine)


def test_unlabelled_photos_take_no_part():
    vectors, classes = draw_photos()
    classes[::4] = -1
    folds = deal_folds(classes, np.arange(len(classes)), 4, 0)
    np.testing.assert_array_equal(folds.rows, np.flatnonzero(classes != -1))
    assert len(cross_validate(draw_pool(vectors, classes), folds, RECIPE, 0.6)) == len(folds.rows)
