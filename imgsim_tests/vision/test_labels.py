import os
from pathlib import Path

import pytest

from imgsim_assets.errors import InputError
from imgsim_assets.settings import Ingest
from imgsim_assets.vision.labels import read_labels, read_solution

NAMES = {"a.png", "b.png", "c.png"}
INGEST = Ingest()


@pytest.fixture
def data(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
    return tmp_path


def labels(data, content, ingest=INGEST):
    (data / "train.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_labels(data, NAMES, ingest).labels


def failure(data, content, ingest=INGEST):
    with pytest.raises(InputError) as caught:
        labels(data, content, ingest)
    error = caught.value
    assert error.expected
    assert error.found
    assert error.mend
    return error


@pytest.mark.parametrize(
    "content",
    [
        "image,label\na.png,cat\nb.png,dog\n",
        "image,label\r\na.png,cat\r\nb.png,dog\r\n",
        "\ufeffimage,label\na.png,cat\nb.png,dog",
        "  image , label \n a.png ,\tcat\n\n b.png,dog  \n\n",
        'label,size,image\ncat,9,a.png\n"dog",7,"b.png"\n',
        "image,label\na.png,cat\nb.png,dog\nc.png,  \n",
    ],
)
def test_the_same_labels_in_every_dialect(data, content):
    assert labels(data, content) == {"a.png": "cat", "b.png": "dog"}


def test_the_columns_are_named_by_the_settings(data):
    ingest = Ingest(image_column="file", label_column="kind")
    assert labels(data, "file,kind\na.png,cat\n", ingest) == {"a.png": "cat"}
    assert "['image', 'label']" in failure(data, "image,label\na.png,cat\n", ingest).found


def test_the_file_may_lie_in_the_folder_of_its_split(data):
    (data / "train" / "train.csv").write_text("image,label\na.png,cat\n")
    assert read_labels(data, NAMES, INGEST).labels == {"a.png": "cat"}
    (data / "train.csv").write_text("image,label\na.png,dog\n")
    with pytest.raises(InputError, match=r"one train\.csv"):
        read_labels(data, NAMES, INGEST)


def test_without_a_file_there_are_no_labels(data):
    assert read_labels(data, NAMES, INGEST) is None
    assert read_solution(data, NAMES, INGEST) is None


def test_accents_match_however_they_are_written(data):
    (data / "train.csv").write_text("image,label\ncafe\u0301.png,the\u0301\n", encoding="utf-8")
    assert read_labels(data, {"caf\u00e9.png"}, INGEST).labels == {"caf\u00e9.png": "th\u00e9"}


ROWS = "".join(f"{number}.png,cat\n" for number in range(7))


def test_rows_of_photos_that_are_not_there_are_left_out_counted_and_the_first_are_named(data):
    (data / "train.csv").write_text("image,label\na.png,cat\n" + ROWS)
    found = read_labels(data, NAMES, INGEST)
    assert found.labels == {"a.png": "cat"}
    assert found.warnings == (
        "7 of 8 rows of train.csv name no photo in train/ and are left out: 0.png, 1.png, 2.png, 3.png, 4.png, ...",
    )
    (data / "train.csv").write_text("image,label\na.png,cat\n")
    assert read_labels(data, NAMES, INGEST).warnings == ()


def test_a_file_that_names_no_photo_at_all_is_refused(data):
    error = failure(data, "image,label\n" + ROWS)
    assert error.found == "7 of 7 missing there: 0.png, 1.png, 2.png, 3.png, 4.png, ..."


@pytest.mark.parametrize("name", ["train.csv", "Train.CSV", "TRAIN.CSV", "train/Train.csv"])
def test_the_name_may_be_written_in_upper_or_lower_case(data, name):
    (data / name).write_text("image,label\na.png,cat\n")
    assert read_labels(data, NAMES, INGEST).labels == {"a.png": "cat"}


def test_two_spellings_are_two_files(data):
    for name in ("train.csv", "TRAIN.csv"):
        (data / name).write_text("image,label\na.png,cat\n")
    with pytest.raises(InputError, match=r"one train\.csv"):
        read_labels(data, NAMES, INGEST)


MAKERS = {
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to("nowhere.csv"),
    "a pipe or the like": getattr(os, "mkfifo", None),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("what", MAKERS)
@pytest.mark.parametrize("name", ["train.csv", "Train.csv", "solution.csv", "test/SOLUTION.CSV"])
def test_what_is_called_like_a_label_file_and_is_none_is_never_taken_for_nothing(data, name, what):
    MAKERS[what](data / name)
    read = read_labels if "train" in name.lower() else read_solution
    with pytest.raises(InputError, match=what):
        read(data, NAMES, INGEST)


def test_a_label_file_that_may_not_be_read_is_refused(data, monkeypatch):
    (data / "train.csv").write_text("image,label\na.png,cat\n")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match=r"can be read at .*train\.csv; found Permission denied"):
        read_labels(data, NAMES, INGEST)


@pytest.mark.parametrize("second", ["cat", "dog", ""])
def test_two_rows_for_one_photo_are_refused_even_when_they_agree(data, second):
    error = failure(data, f"image,label\na.png,cat\nb.png,cat\n a.png ,{second}\n")
    assert error.found == "'a.png' in line 2 and again in line 4"


def test_lines_are_counted_as_an_editor_does(data):
    error = failure(data, 'image,label\r\na.png,"two\r\nlines"\r\n\r\na.png,cat\r\n')
    assert error.found == "'a.png' in line 2 and again in line 5"


def test_a_wrong_encoding_names_the_byte_and_the_line(data):
    error = failure(data, b"image,label\na.png,cat\nb.png,caf\xe9\n")
    assert "UTF-8" in error.expected
    assert error.found == "the byte 0xe9 at position 31, in line 3"
    assert failure(data, "image,label\na.png,cat\n".encode("utf-16")).found == "UTF-16"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "an empty file"),
        ("\n\n", "an empty file"),
        ("image;label\na.png;cat\n", "['image;label']"),
        ("image,label,image\n", "['image', 'label', 'image']"),
        ("a.png,cat\n", "['a.png', 'cat']"),
        ("Image,Label\n", "['Image', 'Label']"),
    ],
)
def test_missing_columns_are_shown_beside_what_is_there(data, content, found):
    assert found in failure(data, content).found


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("image,label\na.png\n", "line 2"),
        ("image,label\na.png,cat\nb.png,black,dog\n", "line 3"),
        ('image,label\na.png,"cat\n', "line 2"),
        ('image,label\na.png,"cat"s\n', "line 2"),
        ("image,label\na.png,cat\n,dog\n", "line 3"),
        ("image,label\na.png,ca\0t\n", "line 2"),
    ],
)
def test_malformed_rows_are_named_by_line(data, content, line):
    assert failure(data, content).found.startswith(line)


def test_the_solution_knows_test_photos_only(data):
    (data / "solution.csv").write_text("image,label,Usage\nx.png,cat,Public\n")
    assert read_solution(data, {"x.png", "y.png"}, INGEST).labels == {"x.png": "cat"}
    with pytest.raises(InputError, match=r"in the folder test/.*1 of 1 missing there: x\.png"):
        read_solution(data, {"y.png"}, INGEST)


def test_a_solution_without_labels_measures_nothing(data):
    (data / "solution.csv").write_text("image,label\nx.png,\n")
    with pytest.raises(InputError, match="at least one test photo"):
        read_solution(data, {"x.png"}, INGEST)
