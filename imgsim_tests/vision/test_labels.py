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
    return read_labels(data, NAMES, ingest)


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
    assert read_labels(data, NAMES, INGEST) == {"a.png": "cat"}
    (data / "train.csv").write_text("image,label\na.png,dog\n")
    with pytest.raises(InputError, match=r"one train\.csv"):
        read_labels(data, NAMES, INGEST)


def test_without_a_file_there_are_no_labels(data):
    assert read_labels(data, NAMES, INGEST) is None
    assert read_solution(data, NAMES, INGEST) is None


def test_accents_match_however_they_are_written(data):
    (data / "train.csv").write_text("image,label\ncafe\u0301.png,the\u0301\n", encoding="utf-8")
    assert read_labels(data, {"caf\u00e9.png"}, INGEST) == {"caf\u00e9.png": "th\u00e9"}


def test_missing_photos_are_counted_and_the_first_are_named(data):
    rows = "".join(f"{number}.png,cat\n" for number in range(7))
    error = failure(data, "image,label\na.png,cat\n" + rows)
    assert error.found == "7 of 8 missing there: 0.png, 1.png, 2.png, 3.png, 4.png, ..."


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
    assert read_solution(data, {"x.png", "y.png"}, INGEST) == {"x.png": "cat"}
    with pytest.raises(InputError, match=r"in the folder test/.*1 of 1 missing there: x\.png"):
        read_solution(data, {"y.png"}, INGEST)


def test_a_solution_without_labels_measures_nothing(data):
    (data / "solution.csv").write_text("image,label\nx.png,\n")
    with pytest.raises(InputError, match="at least one test photo"):
        read_solution(data, {"x.png"}, INGEST)
