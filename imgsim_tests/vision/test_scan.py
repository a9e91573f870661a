import os
import sys
from pathlib import Path

import pytest

from imgsim_assets.errors import InputError
from imgsim_assets.settings import IGNORED
from imgsim_assets.vision import scan
from imgsim_assets.vision.scan import as_text, scan_files


def names(root: Path, *fences: Path) -> list[str]:
    return sorted(
        found.relative for found in scan_files(root, IGNORED, tuple(fence.resolve() for fence in fences)).files
    )


def write(root: Path, *files: str) -> None:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_hidden_files_and_leftovers_are_not_found(tmp_path):
    write(
        tmp_path,
        "a.jpg",
        "d/b.jpg",
        ".DS_Store",
        "d/._b.jpg",
        "Thumbs.db",
        "d/desktop.ini",
        ".git/c.jpg",
        "__MACOSX/d.jpg",
    )
    assert names(tmp_path) == ["a.jpg", "d/b.jpg"]


LEFTOVERS = [
    "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
    "d/@eaDir/b.jpg/SYNOPHOTO_THUMB_XL.jpg",
    "d/SYNOPHOTO_THUMB_M.jpg",
    "#recycle/old.jpg",
    "#snapshot/a.jpg",
    "@Recycle/old.jpg",
    "@Recently-Snapshot/GMT+00/a.jpg",
    ".@__thumb/a.jpg",
    ".Trash-1000/files/old.jpg",
    ".thumbnails/normal/0.png",
    ".ipynb_checkpoints/a-checkpoint.jpg",
    "lost+found/a.jpg",
    "LOST.DIR/0001",
    "FOUND.000/FILE0000.CHK",
    "$RECYCLE.BIN/S-1-5-21/$R1.jpg",
    "RECYCLER/old.jpg",
    "System Volume Information/a.jpg",
    "Thumbs.db",
    "Thumbs.db:encryptable",
    "ehthumbs_vista.db",
    "Desktop.ini",
    "__MACOSX/d/._b.jpg",
    "Network Trash Folder/old.jpg",
    "Icon\r",
    "Lightroom Previews.lrdata/0/a.jpg",
    "CaptureOne/Cache/Thumbnails/a.jpg",
    "Recycle Bin - Volume_1/old.jpg",
    "trashbox/old.jpg",
]


def test_what_systems_and_programs_leave_behind_is_passed_over_and_told(tmp_path):
    write(tmp_path, "a.jpg", "d/b.jpg", "found.jpg", "#1/a.jpg", "@home/a.jpg", *LEFTOVERS)
    found = scan_files(tmp_path, IGNORED)
    assert sorted(one.relative for one in found.files) == ["#1/a.jpg", "@home/a.jpg", "a.jpg", "d/b.jpg", "found.jpg"]
    told = {name if "/" in name or not (tmp_path / name).is_dir() else f"{name}/" for name in found.ignored}
    assert all(any(leftover == name or leftover.startswith(name) for name in told) for leftover in LEFTOVERS)
    assert {"@eaDir/", "d/@eaDir/", "Thumbs.db"} <= told


def test_photos_are_not_passed_over_for_how_their_names_begin(tmp_path):
    sound = ["#recycled/1.jpg", "@recycled.jpg", "lost+found.jpg", "recycle bin 1.jpg", "recycle bins/1.jpg"]
    write(tmp_path, *sound, "snapshot/1.jpg", "#snapshot1.jpg")
    found = scan_files(tmp_path, IGNORED)
    assert sorted(one.relative for one in found.files) == sorted([*sound, "snapshot/1.jpg", "#snapshot1.jpg"])
    assert found.ignored == ()


def test_a_persons_own_list_takes_the_place_of_the_usual_one(tmp_path):
    write(tmp_path, "a.jpg", "A_Thumb.JPG", "Cache/b.jpg", "@eaDir/c.jpg", "[x].jpg", "x.jpg")
    found = scan_files(tmp_path, ("*_thumb.*", "cache", "[[]x].jpg"))
    assert [one.relative for one in found.files] == ["a.jpg", "x.jpg", "@eaDir/c.jpg"]
    assert sorted(found.ignored) == ["A_Thumb.JPG", "Cache/", "[x].jpg"]
    assert len(scan_files(tmp_path, ()).files) == 6


def test_the_order_is_the_same_whatever_the_disk_says(tmp_path, monkeypatch):
    write(tmp_path, "b/2.jpg", "a/1.jpg", "c.jpg", "a/0.jpg")
    expected = [found.relative for found in scan_files(tmp_path, IGNORED).files]
    real = os.scandir

    class Backwards:
        def __init__(self, folder):
            self.entries = sorted(real(folder), key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *args):
            return None

    monkeypatch.setattr(scan.os, "scandir", Backwards)
    assert [found.relative for found in scan_files(tmp_path, IGNORED).files] == expected


def test_link_loops_end(tmp_path):
    write(tmp_path, "train/a.jpg", "elsewhere/b.jpg")
    (tmp_path / "train/self").symlink_to(".")
    (tmp_path / "train/up").symlink_to("..")
    (tmp_path / "train/out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/round").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "train/nowhere").symlink_to("nowhere")
    assert names(tmp_path / "train", tmp_path / "train") == ["a.jpg", "nowhere", "out/b.jpg"]


def test_a_train_folder_never_swallows_test_photos_through_a_link(tmp_path):
    write(tmp_path, "train/a.jpg", "test/deep/x.jpg")
    (tmp_path / "train/leak").symlink_to(tmp_path / "test/deep")
    assert names(tmp_path / "train", tmp_path / "train", tmp_path / "test") == ["a.jpg"]


def test_links_to_files_and_to_folders_outside_are_followed(tmp_path):
    write(tmp_path, "pool/cats/a.jpg", "pool/b.jpg")
    (tmp_path / "train").mkdir()
    (tmp_path / "train/cats").symlink_to(tmp_path / "pool/cats")
    (tmp_path / "train/b.jpg").symlink_to(tmp_path / "pool/b.jpg")
    assert names(tmp_path / "train", tmp_path / "train") == ["b.jpg", "cats/a.jpg"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    write(tmp_path, "locked/a.jpg")
    real = os.scandir

    def refuse(folder):
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(scan.os, "scandir", refuse)
    with pytest.raises(InputError, match="locked: Permission denied"):
        names(tmp_path)


def test_names_become_composed_text():
    assert as_text("cafe\u0301.jpg") == "caf\u00e9.jpg"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_bytes_that_are_no_text_are_spelled_out():
    assert as_text(os.fsdecode(b"caf\xe9.jpg")) == "caf\\xe9.jpg"
