"""The files below a folder: a walk that loops, pipes and leftovers of file managers cannot disturb."""

import fnmatch
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from imgsim_assets.errors import InputError


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file: `relative` is its POSIX path below the walked folder, as the disk spells it."""

    relative: str
    path: str


@dataclass(frozen=True)
class Scan:
    """What a walk has found, in its order; `ignored` was passed over, folders with a `/` at their end."""

    files: tuple[FoundFile, ...]
    ignored: tuple[str, ...]


def scan_files(root: Path, ignore: Iterable[str], fences: tuple[Path, ...] = ()) -> Scan:
    """Walk `root`, folders in order of name, and list everything in it that is not a folder.

    Pipes, sockets, devices and broken links are listed too: whoever opens them decides. A link to a
    folder is followed once, unless it leads into or above one of the `fences` (resolved paths): those
    photos are found in their own place, and a train folder must not swallow the test photos through a link.

    Args:
        root: the folder.
        ignore: patterns for names of files and folders that are passed over, as `fnmatch` reads them, in either case.
        fences: where links must not lead.

    Raises:
        InputError: a folder cannot be listed.
    """
    passed_over = ignoring(ignore)
    files: list[FoundFile] = []
    ignored: list[str] = []
    followed: set[Path] = set()
    waiting = [(str(root), "")]
    while waiting:
        folder, prefix = waiting.pop()
        below = []
        for entry in _list(folder):
            if passed_over.fullmatch(entry.name.casefold()):
                ignored.append(f"{prefix}{entry.name}{'/' if entry.is_dir(follow_symlinks=False) else ''}")
            elif entry.is_dir(follow_symlinks=False) or _is_new_link(entry, fences, followed):
                below.append((entry.path, f"{prefix}{entry.name}/"))
            elif not (entry.is_symlink() and Path(entry.path).is_dir()):
                files.append(FoundFile(prefix + entry.name, entry.path))
        waiting += reversed(below)
    return Scan(tuple(files), tuple(ignored))


def ignoring(patterns: Iterable[str]) -> re.Pattern[str]:
    """Give the one expression that the names to pass over match, in lower case."""
    return re.compile("|".join(fnmatch.translate(pattern.casefold()) for pattern in patterns) or "(?!)")


def is_text(name: str) -> bool:
    """Whether the file system's bytes for `name` are UTF-8, so that tables can hold it."""
    try:
        os.fsencode(name).decode()
    except UnicodeDecodeError:
        return False
    return True


def as_text(name: str) -> str:
    r"""Spell the file system's `name` in composed Unicode, the bytes that are not UTF-8 as `\xNN`."""
    return composed(spelled_out(name))


def composed(text: str) -> str:
    """Compose the letters of `text` (NFC).

    macOS hands out decomposed names while CSV files are written composed: without this a label
    would not find its photo.
    """
    return unicodedata.normalize("NFC", text)


def spelled_out(name: str) -> str:
    r"""Spell the file system's bytes for `name` as UTF-8, whatever the locale; bytes that are none as `\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def on_disk(text: str) -> str:
    """Give the name that the system's calls take for what `spelled_out` gave of a name that is text."""
    return os.fsdecode(text.encode())


def list_names(folder: Path) -> list[str]:
    """List the names in a folder, sorted.

    Raises:
        InputError: it cannot be listed.
    """
    return [entry.name for entry in _list(str(folder))]


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
