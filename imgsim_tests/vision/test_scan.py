import os
import sys
from pathlib import Path

import pytest

from imgsim_assets.errors import InputError
from imgsim_assets.vision import scan
from imgsim_assets.vision.scan import as_text, scan_files


def names(root: Path, *fences: Path) -> list[str]:
    return sorted(found.relative for found in scan_files(root, tuple(fence.resolve() for fence in fences)))


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


def test_the_order_is_the_same_whatever_the_disk_says(tmp_path, monkeypatch):
    write(tmp_path, "b/2.jpg", "a/1.jpg", "c.jpg", "a/0.jpg")
    expected = [found.relative for found in scan_files(tmp_path)]
    real = os.scandir

    class Backwards:
        def __init__(self, folder):
            self.entries = sorted(real(folder), key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *args):
            return None

    monkeypatch.setattr(scan.os, "scandir", Backwards)
    assert [found.relative for found in scan_files(tmp_path)] == expected


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
