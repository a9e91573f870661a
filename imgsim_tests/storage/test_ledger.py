import json
import os
from pathlib import Path

import pytest

from imgsim_assets.fingerprint import content_id
from imgsim_assets.storage import ledger as module
from imgsim_assets.storage.ledger import LEDGER, Ledger, ledger_of


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "GRAIN", -(10**12))  # files of this moment are remembered too
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    path.write_bytes(b"one")
    return path


def read_counts(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    read: list[Path] = []
    monkeypatch.setattr(module, "content_id", lambda path: read.append(path) or content_id(path))
    return read


def test_a_file_is_read_once_and_again_when_anything_of_it_changed(file: Path, monkeypatch: pytest.MonkeyPatch):
    read, ledger = read_counts(monkeypatch), Ledger(file.parents[1])
    assert {ledger.digest(file) for _ in range(3)} == {content_id(file)}
    assert len(read) == 1
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.write_bytes(b"two")
    os.utime(file, ns=times)  # size and time of writing as before
    assert ledger.digest(file) == content_id(file)
    assert len(read) == 2
    file.unlink()
    with pytest.raises(FileNotFoundError):
        ledger.digest(file)


def test_another_process_knows_what_was_saved(file: Path, monkeypatch: pytest.MonkeyPatch):
    first = Ledger(file.parents[1])
    first.digest(file)
    first.save()
    read, other = read_counts(monkeypatch), ledger_of.__wrapped__(file.parents[1])
    assert other.digest(file) == content_id(file)
    assert read == []
    file.unlink()
    other.is_new = True
    other.save()
    assert json.loads((file.parents[1] / LEDGER).read_bytes()) == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": [[1, 2], "x"]}', "\0"])
def test_a_damaged_ledger_is_begun_anew(file: Path, text: str):
    (file.parents[1] / LEDGER).write_text(text)
    assert ledger_of.__wrapped__(file.parents[1]).digest(file) == content_id(file)


def test_what_was_just_written_may_change_unseen_and_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "GRAIN", 10**12)
    (tmp_path / "file").write_bytes(b"one")
    read, ledger = read_counts(monkeypatch), Ledger(tmp_path)
    ledger.digest(tmp_path / "file")
    ledger.digest(tmp_path / "file")
    assert len(read) == 2


def test_a_file_that_is_written_once_is_compared_with_its_first_reading(file: Path):
    ledger = Ledger(file.parents[1])
    assert ledger.keeps(file)
    os.utime(file, ns=(1, 1))
    assert ledger.keeps(file)  # other times, the same bytes
    file.write_bytes(b"two")
    assert not ledger.keeps(file)
    assert not ledger.keeps(file)  # it does not get used to it
    file.write_bytes(b"one")
    assert ledger.keeps(file)


def test_a_folder_is_vouched_for_until_a_file_comes_or_goes(file: Path):
    ledger, folder = Ledger(file.parents[1]), file.parent
    assert not ledger.is_vouched(folder)
    ledger.vouch(folder)
    assert ledger.is_vouched(folder)
    file.unlink()
    assert not ledger.is_vouched(folder)


def test_a_large_file_is_no_younger_than_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its size is not among the times that tell whether it may still change unseen."""
    monkeypatch.setattr(module, "_stamp", lambda _: (10**19, 1, 1, 1))
    (tmp_path / "file").write_bytes(b"one")
    read, ledger = read_counts(monkeypatch), Ledger(tmp_path)
    ledger.digest(tmp_path / "file")
    ledger.digest(tmp_path / "file")
    assert len(read) == 1
    ledger.vouch(tmp_path)
    assert ledger.is_vouched(tmp_path)
