import csv
import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsim_assets.errors import ArtefactError, InputError, SettingsError
from imgsim_assets.retrieval.submission import (
    centrality,
    check_submission,
    count_faults,
    fallback_list,
    read_lists,
    separator_faults,
    separator_for,
    submission_bytes,
    submission_rows,
)
from imgsim_assets.settings import Submission
from imgsim_tests.budget import examples

SETTINGS = Submission(count=2)
ROWS = Submission(count=2, form="rows")
TRAIN = ["a.jpg", "b.jpg", "c.jpg"]


def rows(settings=SETTINGS):
    return submission_rows(
        ["t1", "t0", "bad"], {"t1": ["b.jpg", "a.jpg"], "t0": ["c.jpg", "a.jpg"]}, TRAIN[:2], TRAIN, settings
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


def test_a_name_that_holds_the_separator_is_refused_where_a_person_chose_it():
    names = ["a b.jpg", "c.jpg"]
    chosen = Submission(count=2, separator=" ")
    with pytest.raises(SettingsError, match=r"found 'a b.jpg'; to mend: set submission\.separator .* 'rows'"):
        submission_rows(["t"], {"t": names}, names, names, chosen)
    assert [fault.found for fault in separator_faults(names, chosen)] == ["'a b.jpg'"]
    other = Submission(count=2, separator="|")
    assert submission_rows(["t"], {"t": names}, names, names, other)["recommendations"][0] == "a b.jpg|c.jpg"


@pytest.mark.parametrize(
    ("names", "separator"),
    [
        (["a.jpg", "c,d.jpg"], " "),
        (["a b.jpg", "c.jpg"], "|"),
        (["a b.jpg", "c|d.jpg"], ";"),
        (["a b.jpg", "c|d;e.jpg"], "\t"),
    ],
)
def test_a_separator_is_found_that_no_name_holds(names, separator):
    found = submission_rows(["t"], {"t": names}, names, names, SETTINGS)
    assert found["recommendations"].to_list() == [separator.join(names)]
    assert separator_for(names, SETTINGS) == separator
    check_submission(found, ["t"], names, SETTINGS)
    # It hangs on all train photos, not on those that happen to be listed.
    assert separator_for([*names, "x y.jpg", "x|y", "x;y"], SETTINGS) == "\t"


def test_names_that_hold_every_separator_need_a_row_each():
    names = ["a b|c;d\te.jpg", "f.jpg"]
    (fault,) = separator_faults(names, SETTINGS)
    assert "submission.form to 'rows'" in fault.mend
    assert separator_faults(names, ROWS) == []
    found = submission_rows(["t"], {"t": names}, names, names, ROWS)
    assert found.rows() == [("t", 1, names[0]), ("t", 2, names[1])]
    check_submission(pl.read_csv(submission_bytes(found), infer_schema=False), ["t"], names, ROWS)


def test_too_few_train_photos_are_an_input_error():
    with pytest.raises(InputError, match="at least 2"):
        submission_rows(["t"], {}, ["a.jpg"], ["a.jpg"], SETTINGS)
    assert [fault.found for fault in count_faults(1, SETTINGS)] == ["1"]
    assert count_faults(2, SETTINGS) == []


ANY_NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=12)
ODD_NAMES = st.sampled_from(
    ["a\rb.jpg", "a\nb.jpg", "\r\n", 'say "x".jpg', '"', "a,b.jpg", " a.jpg ", "\ta", "=cmd|' /C calc'!A0", "@x", "-1"]
) | st.sampled_from(["+1", "#x", "\\", "a\\", "NA", "null", "007", "1e3", "", "\u2028", "\x85", "\ufeffa", "e\u0301"])


@given(test=st.lists(ANY_NAME | ODD_NAMES.filter(bool), unique=True, min_size=1, max_size=4), data=st.data())
@settings(max_examples=examples(150))
def test_every_reader_reads_the_names_that_were_written(test, data):
    train = data.draw(st.lists(ANY_NAME | ODD_NAMES.filter(bool), unique=True, min_size=2, max_size=4))
    for chosen in (Submission(count=2, separator="\t"), ROWS):
        if separator_faults(train, chosen):
            continue
        written = submission_rows(test, {test[0]: train[::-1][:2]}, train[:2], train, chosen)
        content = submission_bytes(written)
        expected = [list(map(str, row)) for row in written.rows()]
        by_csv = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
        by_pandas = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8")
        by_polars = pl.read_csv(content, infer_schema=False)
        by_arrow = arrow_csv.read_csv(
            pa.BufferReader(content),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(written.columns, pa.string()), strings_can_be_null=False
            ),
        )
        assert by_csv == [written.columns, *expected]
        assert by_pandas.to_numpy().tolist() == expected
        assert [list(row) for row in by_polars.rows()] == expected
        assert [list(row.values()) for row in by_arrow.to_pylist()] == expected
        lists = read_lists(by_polars, train, chosen)
        assert lists == {name: train[::-1][:2] if name == test[0] else train[:2] for name in test}


def test_ordinary_names_are_written_as_pythons_csv_writes_them():
    frame = rows()
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([frame.columns, *frame.rows()])
    assert submission_bytes(frame) == text.getvalue().encode()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.head(4), "lost"),
        (lambda frame: pl.concat([frame, frame.head(1)]), "repeated"),
        (lambda frame: frame[[0, 2, 1, 3, 4, 5]], "repeated"),
        (lambda frame: frame.drop("rank"), "columns"),
        (lambda frame: frame.head(5), "distinct"),
        (lambda frame: frame.with_columns(rank=pl.col("rank") + 1), "rank 1"),
        (lambda frame: frame.with_columns(recommendation=pl.lit("z.jpg")), "distinct"),
    ],
)
def test_each_violation_of_the_form_of_rows_is_told(change, told):
    check_submission(rows(ROWS), ["t0", "t1", "bad"], TRAIN, ROWS)
    with pytest.raises(ArtefactError, match=told):
        check_submission(change(rows(ROWS)), ["t0", "t1", "bad"], TRAIN, ROWS)


def test_fallbacks():
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    assert fallback_list(["c", "b", "a"], centrality(vectors), SETTINGS) == ["b", "c"]
    first = Submission(count=2, fallback="first")
    assert fallback_list(["c", "b", "a"], centrality(vectors), first) == ["a", "b"]
