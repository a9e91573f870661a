"""The files below a folder: a walk that loops, pipes and leftovers of file managers cannot disturb."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imgsim_assets.errors import InputError

DROPPINGS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"})


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file: `relative` is its POSIX path below the walked folder, as the disk spells it."""

    relative: str
    path: str


def scan_files(root: Path, fences: tuple[Path, ...] = ()) -> Iterator[FoundFile]:
    """Walk `root`, folders in order of name, and yield everything in it that is not a folder.

    Pipes, sockets, devices and broken links are yielded too: whoever opens them decides. Hidden
    files and what file managers leave behind are not. A link to a folder is followed once, unless
    it leads into or above one of the `fences` (resolved paths): those photos are found in their own
    place, and a train folder must not swallow the test photos through a link.

    Raises:
        InputError: a folder cannot be listed.
    """
    followed: set[Path] = set()
    waiting = [(str(root), "")]
    while waiting:
        folder, prefix = waiting.pop()
        below = []
        for entry in _list(folder):
            if is_dropping(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False) or _is_new_link(entry, fences, followed):
                below.append((entry.path, f"{prefix}{entry.name}/"))
            elif not (entry.is_symlink() and Path(entry.path).is_dir()):
                yield FoundFile(prefix + entry.name, entry.path)
        waiting += reversed(below)


def is_dropping(name: str) -> bool:
    """Whether `name` is hidden, or something a file manager left behind."""
    return name.startswith(".") or name.lower() in DROPPINGS


def is_text(name: str) -> bool:
    """Whether the file system's bytes for `name` are UTF-8, so that tables can hold it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(name: str) -> str:
    r"""Spell `name` in composed Unicode (NFC), the bytes that are not UTF-8 as `\xNN`.

    macOS hands out decomposed names while CSV files are written composed: without this a label
    would not find its photo.
    """
    readable = name if is_text(name) else os.fsencode(name).decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", readable)


def _list(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(
            "folders that can be listed",
            f"{as_text(folder)}: {error.strerror}",
            "give yourself the right to read it, or move it out of the folder of photos",
        ) from error


def _is_new_link(entry: os.DirEntry[str], fences: tuple[Path, ...], followed: set[Path]) -> bool:
    path = Path(entry.path)
    if not entry.is_symlink() or not path.is_dir():
        return False
    target = path.resolve()
    fenced = any(target == fence or target in fence.parents or fence in target.parents for fence in fences)
    if fenced or target in followed:
        return False
    followed.add(target)
    return True
