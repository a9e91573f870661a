import os
import stat
import threading
from pathlib import Path

import pytest

from imgsim_assets.storage import atomic
from imgsim_assets.storage.atomic import (
    NEWBORN_PREFIX,
    SCRATCH_PREFIX,
    move_folder,
    point_link,
    scratch_folder,
    sweep,
    write_bytes,
)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(SCRATCH_PREFIX)]


def test_write_bytes_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.bin"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert [found.name for found in path.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_the_mode_of_a_file_follows_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_bytes(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_what_is_moved_out_of_a_scratch_folder_stays_and_the_rest_goes(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "kept").mkdir()
        (folder / "kept" / "file").write_text("x")
        (folder / "dropped").write_text("y")
        move_folder(folder / "kept", tmp_path / "target")
    assert (tmp_path / "target" / "file").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_sweeping_spares_the_living_and_takes_the_dead(tmp_path: Path) -> None:
    dead = tmp_path / f"{SCRATCH_PREFIX}dead"
    (dead / "content").mkdir(parents=True)
    (dead / "lock").touch()
    stillborn, newborn = tmp_path / f"{NEWBORN_PREFIX}old", tmp_path / f"{NEWBORN_PREFIX}young"
    for folder in (stillborn, newborn):
        folder.mkdir()
    os.utime(stillborn, (0, 0))
    with scratch_folder(tmp_path / "other") as _, scratch_folder(tmp_path) as living:
        (living / "file").write_text("x")
        assert not dead.exists()
        assert not stillborn.exists()
        assert newborn.exists()
        assert sweep(tmp_path) == []
        with scratch_folder(tmp_path) as second:
            assert second != living
        assert (living / "file").read_text() == "x"


def test_writers_of_many_threads_do_not_sweep_one_another(tmp_path: Path) -> None:
    failures: list[Exception] = []

    def work(name: int) -> None:
        try:
            for turn in range(30):
                write_bytes(tmp_path / f"{name}", f"{turn}".encode())
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [str(name) for name in range(6)]
    assert {path.read_text() for path in tmp_path.iterdir()} == {"29"}


def test_a_link_moves_to_another_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        point_link(tmp_path / "link", Path(name))
        assert (tmp_path / "link").resolve() == (tmp_path / name).resolve()
    assert leftovers(tmp_path) == []


def test_all_of_a_folder_is_forced_to_disk_and_what_links_lead_to_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").touch()
    (tmp_path / "lost").symlink_to("nowhere")
    forced: list[Path] = []
    monkeypatch.setattr(atomic, "sync_path", forced.append)
    atomic.sync_tree(tmp_path)
    assert forced[-1] == tmp_path  # names come last
    assert set(forced) == {tmp_path, tmp_path / "deep", tmp_path / "deep" / "file"}
