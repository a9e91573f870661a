"""Collections with nothing to tell apart, or nothing to learn from, through the whole pipeline: a right answer each."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from imgsim_assets.vision import scan
from imgsim_tests.workplace import Workplace

Change = Callable[[Workplace], None]


def relabel(path: Path, label: Callable[[int, str], str]) -> None:
    rows = list(csv.DictReader(path.open()))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["image", "label"], *([row["image"], label(number, row["label"])] for number, row in enumerate(rows))]
        )


def one_class(workplace: Workplace) -> None:
    for name in ("train.csv", "solution.csv"):
        relabel(workplace.photos / name, lambda *_: "thing")


def one_photo_a_class(workplace: Workplace) -> None:
    relabel(workplace.photos / "train.csv", lambda number, _: f"class {number}")
    relabel(workplace.photos / "solution.csv", lambda number, _: f"class {number}")


def a_class_only_in_test(workplace: Workplace) -> None:
    relabel(workplace.photos / "solution.csv", lambda number, label: "never seen" if number < 3 else label)


def no_labels(workplace: Workplace) -> None:
    (workplace.photos / "train.csv").unlink()


def all_photos_equal(workplace: Workplace) -> None:
    content = (workplace.photos / "train" / "train_00000.jpg").read_bytes()
    for folder in ("train", "test"):
        for path in (workplace.photos / folder).iterdir():
            path.write_bytes(content)


def vectors_without_direction(workplace: Workplace) -> None:
    """The model takes the mean colour, and a photo of train and one of test are black: vectors of zeros."""
    settings = workplace.config.read_text(encoding="utf-8")
    for old, new in {
        "mean = [0.5, 0.5, 0.5]": "mean = [0.0, 0.0, 0.0]",
        'views = ["rgb", "canny_focus", "canny_edges"]': 'views = ["rgb"]',
    }.items():
        assert old in settings
        settings = settings.replace(old, new)
    workplace.config.write_text(settings, encoding="utf-8")
    for name in ("train/train_00000.jpg", "test/test_00000.jpg"):
        Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(workplace.photos / name)


ODD = [one_class, one_photo_a_class, a_class_only_in_test, no_labels, all_photos_equal, vectors_without_direction]


@pytest.mark.slow
@pytest.mark.parametrize("change", ODD, ids=lambda change: change.__name__)
def test_every_test_photo_gets_ten_train_photos(unsynced: Workplace, change: Change):
    change(unsynced)
    unsynced.sync()
    train = {path.name for path in (unsynced.photos / "train").iterdir()}
    assert set(unsynced.lists()) == {path.name for path in (unsynced.photos / "test").iterdir()}
    for names in unsynced.lists().values():
        assert len(set(names)) == 10
        assert set(names) <= train
    metrics = json.loads((unsynced.published / "metrics.json").read_text())
    if change is one_class:
        assert metrics["map_at_10"] == 1.0
    if change is vectors_without_direction:
        assert unsynced.metadata("embeddings/tiny")["failed"] == 1


@pytest.mark.slow
def test_names_with_blanks_are_joined_by_another_sign_and_hidden_labels_of_no_class_are_told(unsynced: Workplace):
    """Cameras write `IMG 0001.jpg`, and spreadsheets make 7 of 007."""
    train, solution = unsynced.photos / "train.csv", unsynced.photos / "solution.csv"
    numbers = {label: f"{number:03}" for number, label in enumerate(sorted({row["label"] for row in read(train)}))}
    for path in (train, solution):
        spelt = {**numbers} if path == train else {label: str(int(number)) for label, number in numbers.items()}
        rows = [(row["image"].replace("_", " "), spelt[row["label"]]) for row in read(path)]
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("image", "label"), *rows])
    for path in [*(unsynced.photos / "train").iterdir(), *(unsynced.photos / "test").iterdir()]:
        path.rename(path.with_name(path.name.replace("_", " ")))
    told = unsynced.sync().in_words()
    lists = {row["image"]: row["recommendations"].split("|") for row in read(unsynced.published / "submission.csv")}
    assert set(lists) == {path.name for path in (unsynced.photos / "test").iterdir()}
    names = {path.name for path in (unsynced.photos / "train").iterdir()}
    assert all(len(set(found)) == 10 and set(found) <= names for found in lists.values())
    assert "by cross validation); all 12 hidden labels are of no class in train and not scored: '0' (perhaps" in told

    unsynced.sync({"submission": {"form": "rows"}})
    rows = read(unsynced.published / "submission.csv")
    assert [(row["image"], row["rank"], row["recommendation"]) for row in rows] == [
        (image, str(rank), name) for image, found in lists.items() for rank, name in enumerate(found, 1)
    ]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_the_order_of_the_disk_changes_no_byte(unsynced: Workplace, synced_once: Workplace, monkeypatch):
    real = os.scandir

    class Backwards:
        def __init__(self, folder):
            with real(folder) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name[::-1], reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(scan, "os", SimpleNamespace(**{**vars(os), "scandir": Backwards}))
    unsynced.sync()
    assert unsynced.submission() == synced_once.submission()
    for key in ("raw_images", "gallery_vectors", "query_vectors"):
        version = unsynced.store.artefacts.open(key).manifest.version
        assert version == synced_once.store.artefacts.open(key).manifest.version


@pytest.mark.slow
def test_two_photos_in_all(unsynced: Workplace):
    for folder in ("train", "test"):
        for path in sorted((unsynced.photos / folder).iterdir())[1:]:
            path.unlink()
    (unsynced.photos / "train.csv").unlink()
    (unsynced.photos / "solution.csv").unlink()
    done = unsynced.run("sync")
    assert done.status == 2
    assert "at least 10 readable train photos; found 1" in done.err
    unsynced.sync({"submission": {"count": 1}})
    assert list(unsynced.lists().values()) == [["train_00000.jpg"]]
