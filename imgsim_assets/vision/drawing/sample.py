"""The sample: a folder of drawn photos in imgsim's input layout, the same on every machine."""

import csv
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from imgsim_assets.errors import InputError
from imgsim_assets.progress import track
from imgsim_assets.settings import Places
from imgsim_assets.threads import worker_threads
from imgsim_assets.vision.drawing.outline import Design
from imgsim_assets.vision.drawing.pose import Difficulty
from imgsim_assets.vision.drawing.scene import draw_photo
from imgsim_assets.vision.drawing.shapes import (
    animals,
    buildings,
    food,
    household,
    mechanisms,
    patterns,
    plants,
    symbols,
    tools,
    vehicles,
    vessels,
)

LONGEST = 192
QUALITY = 90
DIFFICULTY = Difficulty()


def _in_turn(*themes: dict[str, Design]) -> dict[str, Design]:
    """Take one kind of each theme in turn, so that a small sample has some of each."""
    rows = zip_longest(*(theme.items() for theme in themes))
    return {name: design for name, design in (kind for kind in chain.from_iterable(rows) if kind is not None)}


KINDS: dict[str, Design] = _in_turn(
    animals.KINDS,
    tools.KINDS,
    plants.KINDS,
    buildings.KINDS,
    symbols.KINDS,
    vehicles.KINDS,
    household.KINDS,
    patterns.KINDS,
    vessels.KINDS,
    mechanisms.KINDS,
    food.KINDS,
)


@dataclass(frozen=True)
class SampleSummary:
    """What was written."""

    folder: Path
    classes: int
    train: int
    test: int
    seed: int


@dataclass(frozen=True)
class Shot:
    """One photo to draw: `index` counts within its class, train first."""

    path: Path
    label: str
    index: int


def draw_sample_photo(label: str, index: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Draw photo `index` of the class `label`: uint8 [height, width, 3], RGB, before compression."""
    # Seeded by the name: a photo stays what it is when kinds are added.
    seeds = np.random.SeedSequence((seed, int.from_bytes(label.encode(), "little"), index))
    generator = np.random.Generator(np.random.PCG64(seeds))
    return draw_photo(KINDS[label], generator, LONGEST, DIFFICULTY)


def write_missing_sample(data: Path) -> None:
    """Write the sample photos where nobody named a folder of photos, and there is none at the usual place."""
    if data == Places().data and not data.exists():
        write_sample(data)


def write_sample(
    folder: Path, classes: int = 102, train: int = 16, test: int = 4, seed: int = 0, *, workers: int = 2
) -> SampleSummary:
    """Write the sample photos and their label files into `folder`, wholly or not at all.

    Args:
        folder: must be absent or empty.
        classes: how many kinds of things, 2 at least.
        train: photos of each class in `train/`, 1 at least.
        test: photos of each class in `test/`, 1 at least.
        seed: another number gives other photos of the same classes.
        workers: threads that draw; the result does not depend on it.

    Raises:
        InputError: the folder holds something, or a number is impossible.
    """
    _check(folder, classes, train, test)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        shots = _plan(aside, classes, train, test, seed)
        (aside / "train").mkdir()
        (aside / "test").mkdir()
        _draw_all(shots, seed, workers)
        _write_labels(aside / "train.csv", (shot for shot in shots if shot.index < train))
        _write_labels(aside / "solution.csv", (shot for shot in shots if shot.index >= train))
        _move_into_place(aside, folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return SampleSummary(folder, classes, classes * train, classes * test, seed)


def _check(folder: Path, classes: int, train: int, test: int) -> None:
    """Refuse what cannot be written."""
    if not 2 <= classes <= len(KINDS):
        raise InputError(f"2 to {len(KINDS)} classes", str(classes), "ask for a number in that range")
    if train < 1 or test < 1:
        raise InputError("at least one train and one test photo of each class", f"{train} and {test}", "ask for more")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("an absent or empty folder", f"{folder}, which holds something", "name another folder")


def _plan(folder: Path, classes: int, train: int, test: int, seed: int) -> list[Shot]:
    """Give every photo a name that says nothing about its class; sorted by path."""
    labels = list(KINDS)[:classes]
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, classes, train, test))))
    shots = []
    for split, first, count in (("train", 0, train), ("test", train, test)):
        order = generator.permutation(classes * count)
        for number, place in enumerate(order):
            label, index = labels[int(place) // count], first + int(place) % count
            shots.append(Shot(folder / split / f"{split}_{number:05d}.jpg", label, index))
    return shots


def _draw_all(shots: list[Shot], seed: int, workers: int) -> None:
    """Draw and save; OpenCV and Pillow let go of the interpreter while they work."""

    def save(shot: Shot) -> None:
        picture = Image.fromarray(draw_sample_photo(shot.label, shot.index, seed))
        picture.save(shot.path, "JPEG", quality=QUALITY, subsampling=0, optimize=False)

    with worker_threads(workers, "imgsim-draw") as pool:
        for _ in track(pool.map(save, shots), "Drawing sample photos", total=len(shots)):
            pass


def _write_labels(path: Path, shots: Iterable[Shot]) -> None:
    """Write `image,label` rows."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("image", "label"))
        rows.writerows((shot.path.name, shot.label) for shot in shots)


def _move_into_place(aside: Path, folder: Path) -> None:
    """Rename the finished folder; an empty one at its place is replaced."""
    aside.chmod(0o755)
    if folder.exists():
        folder.rmdir()
    aside.rename(folder)
