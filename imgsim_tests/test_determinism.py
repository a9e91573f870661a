"""The same photos and settings give the same submission, byte for byte, wherever and however they are synced."""

import locale
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgsim_tests.workplace import ROOT, Workplace, clean_environment

# What a file system promises of the order of a folder's entries: nothing.
SHUFFLED = """
import os, random

class Shuffled:
    def __init__(self, path="."):
        with scandir(path) as found:
            self.entries = list(found)
        random.Random(SEED).shuffle(self.entries)
        self.left = iter(self.entries)
    __iter__ = lambda self: self
    __next__ = lambda self: next(self.left)
    __enter__ = lambda self: self
    __exit__ = lambda self, *_: None
    close = lambda self: None

scandir, listdir = os.scandir, os.listdir
os.scandir = Shuffled
os.listdir = lambda path=".": random.Random(SEED).sample(listdir(path), len(listdir(path)))
from imgsim_assets.cli import main
main()
"""
ENVIRONMENTS = {
    "two threads": {"IMGSIM_RUNTIME__THREADS": "2", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    "one thread": {"IMGSIM_RUNTIME__THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
}


def sync(workplace: Workplace, environment: dict[str, str], order: int) -> None:
    """Sync in a process of its own, which is told of folders in another order; `order` is its seed."""
    done = subprocess.run(
        [sys.executable, "-c", SHUFFLED.replace("SEED", str(order)), "sync", "--config", str(workplace.config)],
        cwd=ROOT,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def german() -> str:
    """A locale whose decimals have a comma, where there is one."""
    for name in ("de_DE.UTF-8", "de_DE.utf8", "C.UTF-8"):
        try:
            before = locale.setlocale(locale.LC_ALL)
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        locale.setlocale(locale.LC_ALL, before)
        return name
    return "C"


def versions(workplace: Workplace) -> dict[str, str]:
    """What each asset holds that measures no time."""
    keys = ["raw_images", "canny_maps", "learning_set", "clusters", "ranking_choice", "metric_head", "gallery_vectors"]
    keys += ["query_vectors", "faiss_index", "annoy_index", "faiss_neighbors", "annoy_neighbors", "submission"]
    return {key: workplace.store.artefacts.open(key).manifest.version for key in keys}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "order"),
    [
        ({**ENVIRONMENTS["one thread"], "PYTHONHASHSEED": "0", "LC_ALL": german(), "TZ": "America/St_Johns"}, 3),
        ({**ENVIRONMENTS["two threads"], "PYTHONHASHSEED": "2", "LC_ALL": "C", "TZ": "Asia/Kathmandu"}, 4),
    ],
    ids=["one thread, another order", "two threads, a third order"],
)
def test_neither_threads_nor_order_nor_places_move_a_byte(
    unsynced: Workplace, synced_once: Workplace, environment: dict[str, str], order: int
):
    """Threads, hash seed, locale, time zone, order of folders: in each of two syncs all are other ones."""
    sync(unsynced, environment, order)
    assert unsynced.submission() == synced_once.submission()
    assert versions(unsynced) == versions(synced_once)


@pytest.mark.slow
def test_files_that_were_made_in_another_order_at_another_time_are_the_same_photos(
    unsynced: Workplace, synced_once: Workplace, tmp_path: Path
):
    elsewhere = Workplace(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    for path in sorted(unsynced.folder.rglob("*"), reverse=True):
        if path.is_file():
            target = elsewhere.folder / path.relative_to(unsynced.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (1, 1))
    elsewhere.sync()
    assert elsewhere.submission() == synced_once.submission()
    assert versions(elsewhere) == versions(synced_once)


@pytest.mark.slow
def test_half_of_the_photos_and_then_the_others_are_all_of_them(
    unsynced: Workplace, synced_once: Workplace, tmp_path: Path
):
    """More than a tenth comes, so that ranking is learned anew: what a few new photos change is another question."""
    aside = tmp_path / "aside"
    late = [path for split in ("train", "test") for path in sorted((unsynced.photos / split).rglob("*.jpg"))[1::2]]
    for path in late:
        target = aside / path.relative_to(unsynced.photos)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
    labels = {name: (unsynced.photos / name).read_text() for name in ("train.csv", "solution.csv")}
    gone = {path.name for path in late}
    for name, text in labels.items():
        kept = [line for line in text.splitlines(keepends=True) if line.split(",")[0] not in gone]
        (unsynced.photos / name).write_text("".join(kept))
    unsynced.sync()
    assert unsynced.submission() != synced_once.submission()
    shutil.copytree(aside, unsynced.photos, dirs_exist_ok=True)
    for name, text in labels.items():
        (unsynced.photos / name).write_text(text)
    unsynced.sync()
    assert unsynced.submission() == synced_once.submission()
