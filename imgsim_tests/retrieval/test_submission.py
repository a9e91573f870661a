import numpy as np
import polars as pl
import pytest

from imgsim_assets.errors import ArtefactError, InputError, SettingsError
from imgsim_assets.retrieval.submission import (
    centrality,
    check_submission,
    fallback_list,
    neighbour_lists,
    submission_bytes,
    submission_rows,
)
from imgsim_assets.settings import Submission

SETTINGS = Submission(count=2)
TRAIN = ["a.jpg", "b.jpg", "c.jpg"]


def rows():
    return submission_rows(
        ["t1", "t0", "bad"], {"t1": ["b.jpg", "a.jpg"], "t0": ["c.jpg", "a.jpg"]}, TRAIN[:2], SETTINGS
    )


def test_rows_keep_the_order_and_no_photo_is_lost():
    frame = rows()
    assert frame.rows() == [("t1", "b.jpg a.jpg"), ("t0", "c.jpg a.jpg"), ("bad", "a.jpg b.jpg")]
    check_submission(frame, ["t0", "t1", "bad"], TRAIN, SETTINGS)


def test_bytes_are_plain_and_quote_only_where_needed():
    frame = pl.DataFrame({"image": ["a", 'q"x', "c,d", "é"], "recommendations": ["1 2"] * 4})
    assert submission_bytes(frame) == 'image,recommendations\na,1 2\n"q""x",1 2\n"c,d",1 2\né,1 2\n'.encode()


def test_written_file_reads_back():
    assert pl.read_csv(submission_bytes(rows())).equals(rows())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.head(2), "lost"),
        (lambda frame: pl.concat([frame, frame.head(1)]), "repeated"),
        (lambda frame: frame.rename({"image": "photo"}), "columns"),
        (
            lambda frame: pl.concat([frame, pl.DataFrame({"image": ["x"], "recommendations": ["a.jpg b.jpg"]})]),
            "others",
        ),
        (lambda frame: frame.with_columns(recommendations=pl.lit("a.jpg a.jpg")), "distinct"),
        (lambda frame: frame.with_columns(recommendations=pl.lit("a.jpg")), "distinct"),
        (lambda frame: frame.with_columns(recommendations=pl.lit("")), "distinct"),
        (lambda frame: frame.with_columns(recommendations=pl.lit("a.jpg b.jpg c.jpg")), "distinct"),
        (lambda frame: frame.with_columns(recommendations=pl.lit("a.jpg z.jpg")), "z.jpg"),
    ],
)
def test_each_violation_is_told(change, told):
    with pytest.raises(ArtefactError, match=told):
        check_submission(change(rows()), ["t0", "t1", "bad"], TRAIN, SETTINGS)


def test_a_name_that_holds_the_separator_is_refused():
    with pytest.raises(SettingsError, match=r"submission\.separator"):
        submission_rows(["t"], {"t": ["a b.jpg", "c.jpg"]}, TRAIN[:2], SETTINGS)
    other = Submission(count=2, separator="|")
    assert (
        submission_rows(["t"], {"t": ["a b.jpg", "c.jpg"]}, TRAIN[:2], other)["recommendations"][0] == "a b.jpg|c.jpg"
    )


def test_too_few_train_photos_are_an_input_error():
    with pytest.raises(InputError, match="at least 2"):
        submission_rows(["t"], {}, ["a.jpg"], SETTINGS)


def test_fallbacks():
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    assert fallback_list(["c", "b", "a"], centrality(vectors), SETTINGS) == ["b", "c"]
    first = Submission(count=2, fallback="first")
    assert fallback_list(["c", "b", "a"], centrality(vectors), first) == ["a", "b"]


def test_neighbours_become_names():
    assert neighbour_lists(["t"], np.array([[2, 0, -1]]), TRAIN) == {"t": ["c.jpg", "a.jpg"]}
