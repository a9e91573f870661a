import os
import shutil
import sys
import time

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
    assert folder_state(data, INGEST)


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
        folder_state(tmp_path / "photos", INGEST)


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


def change_and_put_the_time_back(data):
    """As `exiftool -P -overwrite_original -Orientation#=3` does."""
    path = data / "train" / "a.png"
    status, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_and_keep_size_and_time(data):
    """As `rsync --times` and `cp --preserve` with a rename do."""
    path, other = data / "train" / "a.png", data / "other"
    other.write_bytes(path.read_bytes()[::-1])
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def swap(data):
    one, other, aside = data / "train" / "a.png", data / "train" / "b.png", data / "aside"
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def forbid(data):
    (data / "train" / "a.png").chmod(0)


KEEPING_SIZE_AND_TIME = [change_and_put_the_time_back, replace_and_keep_size_and_time, swap, forbid]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may not keep the time of the inode")
@pytest.mark.parametrize("change", KEEPING_SIZE_AND_TIME)
def test_changes_that_keep_size_and_time_are_seen_by_the_time_of_the_inode(tmp_path, change):
    data = flat_folder(tmp_path)
    for name in ("a.png", "b.png"):
        path = data / "train" / name
        path.write_bytes(path.read_bytes().ljust(20_000, b"\0"))
        os.utime(path, ns=(0, 0))
    before = folder_state(data, INGEST)
    sizes_and_times = [(one.stat().st_size, one.stat().st_mtime_ns) for one in sorted((data / "train").iterdir())]
    time.sleep(0.02)  # the system's clock of inodes goes in steps of some milliseconds
    change(data)
    after = [(one.stat().st_size, one.stat().st_mtime_ns) for one in sorted((data / "train").iterdir())]
    assert after == sizes_and_times
    assert folder_state(data, INGEST) != before


@pytest.mark.parametrize("change", [change_size, change_time, rename, add_labels, delete])
def test_the_state_follows_every_change(tmp_path, change):
    data = flat_folder(tmp_path, "image,label\n")
    before = folder_state(data, INGEST)
    assert folder_state(data, INGEST) == before
    change(data)
    assert folder_state(data, INGEST) != before


def test_the_state_ignores_what_is_never_read(tmp_path):
    data = flat_folder(tmp_path)
    before = folder_state(data, INGEST)
    (data / "train" / ".DS_Store").write_bytes(b"x")
    (data / ".imgsim").mkdir()
    (data / ".imgsim" / "state").write_bytes(b"x")
    (data / "README.md").write_text("x")
    write_photos(data / "train" / "@eaDir", ["a.png", "b.png"])
    assert folder_state(data, INGEST) == before
    assert folder_state(data, Ingest(ignore=())) != before


def test_what_is_passed_over_is_told_and_is_no_class(tmp_path):
    data = tmp_path / "photos"
    write_photos(data / "train", ["cat/1.png", "cat/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "#recycle/2.png"])
    write_photos(data / "test", ["x.png", "@eaDir/x.png/SYNOPHOTO_THUMB_M.jpg"])
    folder = read_folder(data, INGEST)
    assert [(one.split, one.name, one.label) for one in folder.entries] == [
        ("test", "x.png", None),
        ("train", "cat/1.png", "cat"),
    ]
    assert folder.ignored == ("train/#recycle/", "train/cat/@eaDir/", "test/@eaDir/")


def test_a_folder_of_leftovers_alone_says_so(tmp_path):
    data = flat_folder(tmp_path)
    shutil.rmtree(data / "test")
    write_photos(data / "test", ["@eaDir/x.png/SYNOPHOTO_THUMB_M.jpg"])
    with pytest.raises(InputError, match=r"none but what ingest\.ignore passes over: @eaDir/"):
        read_folder(data, INGEST)
