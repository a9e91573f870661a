"""The folder of photos, its layout found without being told; no photo is opened here.

A photo's name is its path below `train/` or `test/`. With a `train.csv`, it alone labels; without
one, a train photo's first folder is its label. The folders of test photos are part of their names
and of nothing else. The hidden labels of `solution.csv` are not read here: see `labels.read_solution`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imgsim_assets.errors import InputError
from imgsim_assets.fingerprint import digest
from imgsim_assets.settings import Ingest
from imgsim_assets.vision.labels import SOLUTION_FILE, TRAIN_FILE, read_labels
from imgsim_assets.vision.photo import is_photo_name
from imgsim_assets.vision.scan import FoundFile, as_text, is_dropping, scan_files

Split = Literal["train", "test"]
SPLITS: tuple[Split, Split] = ("train", "test")
LABEL_FILES = {"train": TRAIN_FILE, "test": SOLUTION_FILE}
LAYOUT = "put the photos into train/ (with train.csv, or in one folder for each class) and test/"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class PhotoEntry:
    """One file of the folder, a photo or not; `label` is None where it is not known."""

    split: Split
    name: str
    path: Path
    label: str | None


@dataclass(frozen=True)
class PhotoFolder:
    """All files of the folder, sorted by split and name, each name once in its split."""

    data: Path
    entries: tuple[PhotoEntry, ...]

    def of(self, split: Split) -> tuple[PhotoEntry, ...]:
        """Give the entries of one split."""
        return tuple(entry for entry in self.entries if entry.split == split)

    def names(self, split: Split) -> frozenset[str]:
        """Give the names in one split."""
        return frozenset(entry.name for entry in self.entries if entry.split == split)


def read_folder(data: Path, ingest: Ingest) -> PhotoFolder:
    """List the photos of `data` and the labels of the train photos.

    Args:
        data: the folder of photos.
        ingest: the names of the label file's columns.

    Raises:
        InputError: a folder or the photos in it are absent, or the label file cannot be used.
    """
    _require_layout(data)
    train, test = (_by_name(data, split) for split in SPLITS)
    labels = read_labels(data, train.keys(), ingest)
    entries = [PhotoEntry("train", name, Path(train[name].path), _label(name, labels)) for name in train]
    entries += [PhotoEntry("test", name, Path(test[name].path), None) for name in test]
    return PhotoFolder(data, tuple(sorted(entries, key=lambda entry: (entry.split, entry.name))))


def folder_state(data: Path) -> str:
    """Name what the folder looks like from outside: path, size and time of change of every file in it.

    Opens no file, and does not ask whether the folder can be used: that is `read_folder`'s question.

    Raises:
        InputError: `data` is not a folder, or one in it cannot be listed.
    """
    _require_data(data)
    return digest(_looks(data))


def _looks(data: Path) -> Iterator[str]:
    for name in LABEL_FILES.values():
        if (data / name).exists():
            yield _look(name, data / name)
    for split in SPLITS:
        if (data / split).is_dir():
            for found in scan_files(data / split, _fences(data)):
                yield _look(f"{split}/{found.relative}", Path(found.path))


def _look(name: str, path: Path) -> str:
    try:
        state = path.stat()
    except OSError:  # a broken link, or a file that was deleted since it was listed: both are a state
        return f"{as_text(name)}\0-"
    return f"{as_text(name)}\0{state.st_size}\0{state.st_mtime_ns}"


def _fences(data: Path) -> tuple[Path, ...]:
    return tuple((data / split).resolve() for split in SPLITS)


def _by_name(data: Path, split: Split) -> dict[str, FoundFile]:
    files: dict[str, FoundFile] = {}
    for found in scan_files(data / split, _fences(data)):
        if found.relative == LABEL_FILES[split]:
            continue
        name = as_text(found.relative)
        if name in files:
            raise InputError(
                f"names in {split}/ that differ in more than the form of their accents or broken bytes",
                f"two files for {name!r}",
                "rename one of them",
            )
        files[name] = found
    # Other files may lie about, but they alone are no photos; a name without an ending may be one.
    if not any(is_photo_name(name) or not Path(name).suffix for name in files):
        raise InputError(f"photos in {data / split}", _some(sorted(files)) or "none", LAYOUT)
    return files


def _label(name: str, labels: dict[str, str] | None) -> str | None:
    if labels is not None:
        return labels.get(name)
    return name.split("/", 1)[0] if "/" in name else None


def _require_data(data: Path) -> None:
    if not data.is_dir():
        found = "something that is not a folder" if data.exists() else "nothing"
        raise InputError(
            f"a folder of photos at {data}", found, "name the folder with --data, or write one with `imgsim sample`"
        )


def _require_layout(data: Path) -> None:
    _require_data(data)
    absent = [f"{split}/" for split in SPLITS if not (data / split).is_dir()]
    if absent:
        there = sorted(as_text(path.name) for path in data.iterdir() if not is_dropping(path.name))
        raise InputError(f"the folders train/ and test/ in {data}", _some(there) or "an empty folder", LAYOUT)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
