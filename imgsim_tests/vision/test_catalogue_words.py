"""What a person is told of the folder when it is catalogued."""

import polars as pl

from imgsim_assets.vision.catalogue_words import ignored_in_words, lost_labels_in_words


def catalogue(labels: dict[str, str | None]) -> pl.DataFrame:
    rows = [("train", name, label) for name, label in labels.items()] + [("test", "x.jpg", None)]
    return pl.DataFrame(rows, schema={"split": pl.String, "name": pl.String, "label": pl.String}, orient="row")


def test_what_was_passed_over_is_counted_by_name():
    ignored = ["train/a/@eaDir/", "test/@eaDir/", "train/Thumbs.db", *(f"train/.f{number:02}" for number in range(12))]
    told = ignored_in_words(ignored)
    assert told.startswith("2 @eaDir/, 1 .f00, ")
    assert told.endswith(" and 4 other names")
    assert ignored_in_words(["train/#recycle/"]) == "1 #recycle/"


def test_labels_that_are_lost_are_told():
    before = catalogue({"a.jpg": "cat", "b.jpg": "dog", "c.jpg": "cat", "d.jpg": None})
    assert not lost_labels_in_words(before, before)
    now = catalogue({"a.jpg": None, "b.jpg": "cat", "d.jpg": None, "e.jpg": None})
    assert lost_labels_in_words(before, now) == "1 of 3 train photos that had a label have none any more"
