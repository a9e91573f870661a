import os
import shutil
import sys

import pytest

from imgsim_assets.errors import InputError
from imgsim_assets.settings import Ingest
from imgsim_assets.vision.folder import folder_state, read_folder
from imgsim_tests.vision.folders import flat_folder, write_photos

INGEST = Ingest()


def rows(data):
    return [(entry.split, entry.name, entry.label) for entry in read_folder(data, INGEST).entries]


TEST_ROWS = [("test", "x.png", None), ("test", "y.png", None)]


def test_flat_files_without_labels(tmp_path):
    data = flat_folder(tmp_path)
    assert rows(data) == [*TEST_ROWS, *(("train", f"{name}.png", None) for name in "abc")]


def test_flat_files_with_some_labels(tmp_path):
    data = flat_folder(tmp_path, "image,label\nc.png,dog\na.png,\n")
    assert rows(data)[2:] == [("train", "a.png", None), ("train", "b.png", None), ("train", "c.png", "dog")]


def test_class_folders_label_and_their_names_stay_apart(tmp_path):
    data = tmp_path / "photos"
    write_photos(data / "train", ["dog/1.png", "cat/1.png", "cat/old/2.png", "loose.png"])
    write_photos(data / "test", ["x.png"])
    assert rows(data)[1:] == [
        ("train", "cat/1.png", "cat"),
        ("train", "cat/old/2.png", "cat"),
        ("train", "dog/1.png", "dog"),
        ("train", "loose.png", None),
    ]


def test_a_label_file_alone_labels_where_there_is_one(tmp_path):
    data = tmp_path / "photos"
    write_photos(data / "train", ["batch1/1.png", "batch2/1.png"])
    write_photos(data / "test", ["x.png"])
    (data / "train" / "train.csv").write_text("image,label\nbatch1/1.png,cat\n")
    assert rows(data)[1:] == [("train", "batch1/1.png", "cat"), ("train", "batch2/1.png", None)]


def test_folders_of_test_photos_are_no_labels(tmp_path):
    data = flat_folder(tmp_path, "image,label\na.png,cat\n")
    write_photos(data / "test", ["cat/z.png", "dog/z.png"])
    found = rows(data)
    assert {label for split, _, label in found if split == "test"} == {None}
    assert [name for split, name, _ in found if split == "test"] == ["cat/z.png", "dog/z.png", "x.png", "y.png"]


def test_the_solution_changes_nothing_that_is_read(tmp_path):
    data = flat_folder(tmp_path, "image,label\na.png,cat\n")
    before = read_folder(data, INGEST)
    (data / "test" / "solution.csv").write_text("image,label\nx.png,cat\n")
    assert read_folder(data, INGEST) == before


def test_leftovers_are_ignored_and_other_files_are_listed(tmp_path):
    data = flat_folder(tmp_path)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._a.png"):
        (data / "train" / name).write_bytes(b"x")
    (data / "train" / "notes.txt").write_text("x")
    assert [name for split, name, _ in rows(data) if split == "train"] == ["a.png", "b.png", "c.png", "notes.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_folders_named_as_photos_and_links_to_nowhere_do_no_harm(tmp_path):
    data = flat_folder(tmp_path)
    os.mkfifo(data / "test" / "pipe.jpg")
    (data / "test" / "folder.jpg").mkdir()
    (data / "test" / "gone.jpg").symlink_to("nowhere")
    assert [name for split, name, _ in rows(data) if split == "test"] == ["gone.jpg", "pipe.jpg", "x.png", "y.png"]
    assert folder_state(data)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_names_that_become_the_same_text_are_refused(tmp_path):
    data = flat_folder(tmp_path)
    write_photos(data / "train", ["cafe\u0301.png", "caf\u00e9.png"])
    with pytest.raises(InputError, match="two files for"):
        read_folder(data, INGEST)


@pytest.mark.parametrize(
    ("remove", "expected"),
    [
        (".", "a folder of photos at"),
        ("train", "the folders train/ and test/"),
        ("test", "the folders train/ and test/"),
        ("train/*", "photos in .*train"),
        ("test/*", "photos in .*test"),
    ],
)
def test_what_is_absent_is_named(tmp_path, remove, expected):
    data = flat_folder(tmp_path)
    shutil.rmtree(data / remove.removesuffix("/*"))
    if remove.endswith("/*"):
        (data / remove).parent.mkdir()
        (data / remove).parent.joinpath("notes.txt").write_text("no photo")
    with pytest.raises(InputError, match=expected):
        read_folder(data, INGEST)


def test_the_data_folder_must_be_a_folder(tmp_path):
    (tmp_path / "photos").write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        read_folder(tmp_path / "photos", INGEST)
    with pytest.raises(InputError, match="not a folder"):
        folder_state(tmp_path / "photos")


def change_size(data):
    (data / "train" / "a.png").write_bytes(b"x")


def change_time(data):
    status = (data / "train" / "a.png").stat()
    os.utime(data / "train" / "a.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1_000))


def rename(data):
    (data / "test" / "x.png").rename(data / "test" / "z.png")


def add_labels(data):
    (data / "solution.csv").write_text("image,label\nx.png,cat\n")


def delete(data):
    (data / "test" / "x.png").unlink()


@pytest.mark.parametrize("change", [change_size, change_time, rename, add_labels, delete])
def test_the_state_follows_every_change(tmp_path, change):
    data = flat_folder(tmp_path, "image,label\n")
    before = folder_state(data)
    assert folder_state(data) == before
    change(data)
    assert folder_state(data) != before


def test_the_state_ignores_what_is_never_read(tmp_path):
    data = flat_folder(tmp_path)
    before = folder_state(data)
    (data / "train" / ".DS_Store").write_bytes(b"x")
    (data / ".imgsim").mkdir()
    (data / ".imgsim" / "state").write_bytes(b"x")
    (data / "README.md").write_text("x")
    assert folder_state(data) == before
