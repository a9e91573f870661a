"""The lessons of fine-tuning: no network learns a photo of its own fold, nor a copy of one."""

import numpy as np
import polars as pl
import pytest

from imgsim_assets.retrieval.course import plan_course
from imgsim_assets.retrieval.label_codec import LabelCodec
from imgsim_assets.settings import FineTuning

COUNT = 40


def photos(labelled: int = COUNT) -> pl.DataFrame:
    """Two classes by turns; each photo is there twice, as near-duplicates."""
    labels = [("cat", "dog")[row // 2 % 2] if row < labelled else None for row in range(COUNT)]
    columns = {"split": "train", "content_id": [f"{row:02}" for row in range(COUNT)], "label": labels}
    return pl.DataFrame(columns, schema_overrides={"label": pl.String}).with_columns(
        near_duplicate_group=pl.Series([row // 2 for row in range(COUNT)], dtype=pl.UInt32)
    )


def plan(table: pl.DataFrame, **chosen):
    def pool():
        pytest.fail("nothing is to be guessed")

    settings = FineTuning(**{"folds": 4, **chosen})
    return plan_course(table, LabelCodec.of(table["label"]), chosen=settings, confidence=0.9, pool=pool)


def test_each_network_learns_the_photos_of_the_other_folds_by_their_labels():
    table = photos()
    course = plan(table)
    classes = LabelCodec.of(table["label"]).encode(table["label"])
    for fold, lesson in enumerate(course.lessons):
        np.testing.assert_array_equal(lesson, np.where(course.folds == fold, -1, classes))
    np.testing.assert_array_equal(course.folds[::2], course.folds[1::2])
    assert course.folds_table().height == COUNT
    assert course.name() == plan(table).name() != plan(table, seed=1).name()


def test_no_more_photos_are_taught_than_the_settings_allow():
    assert plan(photos(), photos=16).taught.sum() == 16


def test_too_few_labels_make_no_course():
    assert plan(photos(labelled=6)) is None
    one_class = photos().with_columns(label=pl.lit("cat"))
    assert plan(one_class) is None
