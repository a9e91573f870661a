"""The folder of photos, its layout found without being told; no photo is opened here.

What systems and programs leave between photos is passed over (`ingest.ignore`), and told.

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
from imgsim_assets.vision.labels import called_like, read_labels
from imgsim_assets.vision.photo_names import is_photo_name
from imgsim_assets.vision.scan import FoundFile, Scan, as_text, ignoring, list_names, scan_files

Split = Literal["train", "test"]
SPLITS: tuple[Split, Split] = ("train", "test")
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
    """All files of the folder, sorted by split and name, each name once in its split.

    `ignored` was passed over: paths below `data`, folders with a `/` at their end. `warnings` are for a person.
    """

    data: Path
    entries: tuple[PhotoEntry, ...]
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

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
        ingest: the names of the label file's columns, and what is passed over.

    Raises:
        InputError: a folder or the photos in it are absent, or the label file cannot be used.
    """
    _require_layout(data, ingest)
    scans = {split: scan_files(data / split, ingest.ignore, _fences(data)) for split in SPLITS}
    train, test = (_by_name(data, split, scans[split]) for split in SPLITS)
    found = read_labels(data, train.keys(), ingest)
    labels = found.labels if found else None
    entries = [PhotoEntry("train", name, Path(train[name].path), _label(name, labels)) for name in train]
    entries += [PhotoEntry("test", name, Path(test[name].path), None) for name in test]
    return PhotoFolder(
        data,
        tuple(sorted(entries, key=lambda entry: (entry.split, entry.name))),
        tuple(f"{split}/{as_text(name)}" for split in SPLITS for name in scans[split].ignored),
        found.warnings if found else (),
    )


def folder_state(data: Path, ingest: Ingest) -> str:
    """Name what the folder looks like from outside: path, size and times of every file in it.

    Opens no file, and does not ask whether the folder can be used: that is `read_folder`'s question.

    The times are those of the last change of the content (mtime), which programs set as they like, and of the inode
    (ctime), which the system alone sets: a photo that was turned in place or swapped with another, size and time kept,
    and one that may be read again, differ in it. ext4, XFS, Btrfs, ZFS, APFS, NFS and SMB keep it; FAT, exFAT, FUSE
    over SFTP and Windows do not, and there such a change is not seen. The number of the inode is left out: it adds
    nothing to ctime, and on FAT and exFAT it differs from mount to mount.

    Raises:
        InputError: `data` is not a folder, or one in it cannot be listed.
    """
    _require_data(data)
    return digest(_looks(data, ingest))


def _looks(data: Path, ingest: Ingest) -> Iterator[str]:
    for split in SPLITS:
        for path in called_like(data, split):
            yield _look(path.name, path)
        if (data / split).is_dir():
            for found in scan_files(data / split, ingest.ignore, _fences(data)).files:
                yield _look(f"{split}/{found.relative}", Path(found.path))


def _look(name: str, path: Path) -> str:
    try:
        state = path.stat()
    except OSError:  # a broken link, or a file that was deleted since it was listed: both are a state
        return f"{as_text(name)}\0-"
    return f"{as_text(name)}\0{state.st_size}\0{state.st_mtime_ns}\0{state.st_ctime_ns}"


def _fences(data: Path) -> tuple[Path, ...]:
    return tuple((data / split).resolve() for split in SPLITS)


def _by_name(data: Path, split: Split, scan: Scan) -> dict[str, FoundFile]:
    files: dict[str, FoundFile] = {}
    label_files = {path.name for path in called_like(data / split, split)}
    for found in scan.files:
        if found.relative in label_files:
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
        but = f" but what ingest.ignore passes over: {_some(list(scan.ignored))}" if scan.ignored else ""
        raise InputError(f"photos in {data / split}", _some(sorted(files)) or f"none{but}", LAYOUT)
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


def _require_layout(data: Path, ingest: Ingest) -> None:
    _require_data(data)
    absent = [f"{split}/" for split in SPLITS if not (data / split).is_dir()]
    if absent:
        passed_over = ignoring(ingest.ignore)
        there = [as_text(name) for name in list_names(data) if not passed_over.fullmatch(name.casefold())]
        raise InputError(f"the folders train/ and test/ in {data}", _some(there) or "an empty folder", LAYOUT)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
