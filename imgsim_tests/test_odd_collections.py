"""Collections with nothing to tell apart, or nothing to learn from, through the whole pipeline: a right answer each."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
