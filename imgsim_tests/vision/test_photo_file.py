"""A photo's file, read as a whole and once, or a reason why not."""

import os
from pathlib import Path

import pytest

from imgsim_assets.fingerprint import content_id
from imgsim_assets.vision import photo_file
from imgsim_assets.vision.photo_file import PhotoError, can_be_read, read_file

LIMIT = 1_000_000


def test_folders_and_files_that_may_not_be_read(tmp_path, monkeypatch):
    with pytest.raises(PhotoError, match="not a file"):
        read_file(tmp_path, LIMIT)
    path = tmp_path / "a.png"
    path.write_bytes(b"content")
    assert can_be_read(path)

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(photo_file.Path, "open", refuse)
    assert not can_be_read(path)
    with pytest.raises(PhotoError, match="unreadable: Permission denied"):
        read_file(path, LIMIT)


def test_files_far_larger_than_their_pixels_could_be_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(bytes(5000))
    monkeypatch.setattr(photo_file, "ALWAYS_READ", 4096)
    assert read_file(path, LIMIT) == bytes(5000)
    with pytest.raises(PhotoError, match=r"oversized: \d+ bytes; the limit is 4096") as caught:
        read_file(path, 100, known_by=content_id(path))
    assert caught.value.lasts
    with pytest.raises(PhotoError, match="changed"):
        read_file(path, 100, known_by="0" * 32)


@pytest.mark.skipif(not Path(os.devnull).is_char_device(), reason="this system has no device files")
def test_devices_are_not_opened():
    with pytest.raises(PhotoError, match="not a file"):
        read_file(Path(os.devnull), LIMIT)
