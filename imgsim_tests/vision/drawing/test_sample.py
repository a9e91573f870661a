import csv
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from blake3 import blake3
from PIL import Image

from imgsim_assets.errors import InputError
from imgsim_assets.vision.drawing import sample, write_sample
from imgsim_assets.vision.drawing.sample import KINDS, draw_sample_photo
from imgsim_tests.vision.drawing.measures import cosine_map_at_10


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "photos"
    write_sample(folder, classes=5, train=4, test=2, seed=3)
    return folder


def test_layout_and_labels_agree(small):
    assert sorted(path.name for path in small.iterdir()) == ["solution.csv", "test", "train", "train.csv"]
    train, test = rows(small / "train.csv"), rows(small / "solution.csv")
    assert [row["image"] for row in train] == [f"train_{k:05d}.jpg" for k in range(20)]
    assert [row["image"] for row in test] == [f"test_{k:05d}.jpg" for k in range(10)]
    assert {row["image"] for row in train} == {path.name for path in (small / "train").iterdir()}
    assert set(Counter(row["label"] for row in train).values()) == {4}
    assert set(Counter(row["label"] for row in test).values()) == {2}


def test_photos_are_rgb_jpegs_of_the_stated_size(small):
    for path in (small / "train").iterdir():
        with Image.open(path) as photo:
            assert (photo.format, photo.mode, max(photo.size)) == ("JPEG", "RGB", sample.LONGEST)


def test_names_say_nothing_about_classes(small):
    labels = [row["label"] for row in rows(small / "train.csv")]
    runs = 1 + sum(a != b for a, b in pairwise(labels))
    assert runs > 10  # in order there would be five


def test_the_number_of_workers_changes_nothing(small, tmp_path):
    write_sample(tmp_path / "again", classes=5, train=4, test=2, seed=3, workers=5)
    assert contents(tmp_path / "again") == contents(small)


def test_another_seed_gives_other_photos(small, tmp_path):
    write_sample(tmp_path / "other", classes=5, train=4, test=2, seed=4)
    here, there = set(contents(small).values()), set(contents(tmp_path / "other").values())
    assert not here & there


@pytest.mark.parametrize(
    ("label", "index", "seed", "expected"),
    [
        ("fish", 0, 0, "fb1d262aba6d2265593fa7fbe86b06c2"),
        ("gear_8_teeth", 3, 0, "0ac6a3067147408eed4b6fac55f64208"),
        ("letter_r", 19, 0, "f1a8a96b7f7b1b9f6fcfd4f2aaf43cd6"),
        ("dragon_curve", 7, 5, "0469a4ebec867896de86d0e49966b715"),
    ],
)
def test_pixels_are_the_same_everywhere(label, index, seed, expected):
    assert blake3(draw_sample_photo(label, index, seed).tobytes()).hexdigest(16) == expected


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    drawn = []

    def stop_at_the_seventh(*arguments):
        drawn.append(arguments)
        if len(drawn) == 7:
            raise KeyboardInterrupt
        return draw_sample_photo(*arguments)

    monkeypatch.setattr(sample, "draw_sample_photo", stop_at_the_seventh)
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path / "photos", classes=5, train=4, test=2)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_refused_and_kept(tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match="holds something"):
        write_sample(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "photos").mkdir()
    summary = write_sample(tmp_path / "photos", classes=2, train=1, test=1)
    assert (summary.train, summary.test) == (2, 2)
    assert (tmp_path / "photos" / "train" / "train_00001.jpg").is_file()


@pytest.mark.parametrize("numbers", [{"classes": 1}, {"classes": 10_000}, {"train": 0}, {"test": 0}])
def test_impossible_numbers_are_refused(tmp_path, numbers):
    with pytest.raises(InputError):
        write_sample(tmp_path / "photos", **numbers)
    assert not (tmp_path / "photos").exists()


def test_there_are_enough_kinds_for_the_default():
    assert len(KINDS) >= 102


@pytest.mark.slow
def test_raw_pixels_and_colours_score_badly():
    labels = list(KINDS)[:102]
    photos = [[draw_sample_photo(label, index) for index in range(4)] for label in labels]
    gallery_labels, query_labels = np.repeat(np.arange(102), 3), np.arange(102)

    def score(feature):
        vectors = np.array([[feature(photo) for photo in one] for one in photos], dtype=np.float64)
        return cosine_map_at_10(
            vectors[:, 3], vectors[:, :3].reshape(-1, vectors.shape[-1]), query_labels, gallery_labels
        )

    def pixels(photo):
        return np.asarray(Image.fromarray(photo).resize((32, 32)), dtype=np.float64).ravel() - 128

    def colours(photo):
        return np.histogramdd(photo.reshape(-1, 3), bins=4, range=[(0, 256)] * 3)[0].ravel()

    assert score(pixels) < 0.30
    assert score(colours) < 0.10
