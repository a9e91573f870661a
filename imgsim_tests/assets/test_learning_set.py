"""New photos are served before they are learned from."""

import polars as pl
import pytest

from imgsim_assets.assets.keys import CROSS_VALIDATION, LEARNING_SET
from imgsim_assets.assets.learning.metric import open_training
from imgsim_assets.assets.learning.pool import open_labels
from imgsim_tests.broken_files import picture
from imgsim_tests.orchestration.changes import edit_labels
from imgsim_tests.workplace import Workplace

LEARNED = {"clusters", "ranking_choice", "metric_head", CROSS_VALIDATION}


def test_classes_are_numbered_as_the_learning_set_says(synced_once: Workplace):
    codec, photos = open_labels(synced_once.store), open_training(synced_once.store)
    assert list(codec.names) == sorted(set(photos["label"].drop_nulls()))
    assert codec.decode(photos["class_number"].to_numpy()) == photos["class"].to_list()
    labelled = photos.drop_nulls("label")
    assert codec.encode(labelled["label"]).tolist() == labelled["class_number"].to_list()


@pytest.mark.slow
def test_a_new_photo_is_recommended_at_once_and_learned_from_with_the_next_tenth(synced: Workplace):
    labels = dict(pl.read_csv(synced.photos / "train.csv").rows())
    hidden = pl.read_csv(synced.photos / "solution.csv").rows(named=True)
    twin = next(row for row in hidden if labels[synced.lists()[row["image"]][0]] == row["label"])
    photo = (synced.photos / "test" / twin["image"]).read_bytes()
    (synced.photos / "train" / "twin.jpg").write_bytes(photo)
    edit_labels(synced.photos / "train.csv", lambda rows: [*rows, {"image": "twin.jpg", "label": twin["label"]}])
    assert LEARNED.isdisjoint(synced.sync().materialized)
    assert synced.metadata(LEARNING_SET)["waiting"] == 1
    assert any("twin.jpg" in names for names in synced.lists().values())
    row = synced.table("gallery_vectors").filter(pl.col("name") == "twin.jpg").row(0, named=True)
    like = synced.table("gallery_vectors").filter(pl.col("label") == twin["label"]).row(0, named=True)
    assert (row["class"], row["class_number"]) == (twin["label"], like["class_number"])

    for number in range(4):
        picture(70 + number).save(synced.photos / "train" / f"new_{number}.png")
    assert set(synced.sync().materialized) >= LEARNED
    assert synced.metadata(LEARNING_SET)["waiting"] == 0
    assert synced.table(LEARNING_SET).height == 47


@pytest.mark.slow
def test_learned_anew_it_is_as_if_there_had_been_no_sync_before(synced: Workplace):
    picture(77).save(synced.photos / "train" / "new.png")
    synced.sync()
    anew = {"learning": {"renewal": 0.0}}
    assert set(synced.sync(anew).materialized) >= LEARNED
    first = synced.folder / "first"
    synced.sync(anew | {"places": {"state": str(first)}})
    assert (first / "published" / "submission.csv").read_bytes() == synced.submission()
