"""What is known of the files in a state folder: the digest of each, and its size and times when it was read.

A file is read again only where these differ, so that every byte of what is published can be vouched for at each sync.
Time of change is looked at as well, which no program sets; a disk that returns other bytes by itself is not noticed.
"""

import functools
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from imgsim_assets.fingerprint import content_id
from imgsim_assets.storage.atomic import write_bytes

LEDGER = "digests.json"
# What was written within the grain of the file system's clock before it was read may change once more unseen.
GRAIN = 50_000_000  # nanoseconds

Stamp = tuple[int, int, int, int]


@dataclass
class Ledger:
    """The digests of files in the folder `state`, by relative name."""

    state: Path
    known: dict[str, tuple[Stamp, str]] = field(default_factory=dict)
    is_new: bool = False

    def digest(self, path: Path) -> str:
        """Give the content id of a file, from memory where it has not changed since it was read.

        Raises:
            OSError: it cannot be read.
        """
        name, before = self._name(path), _stamp(path)
        found = self.known.get(name)
        if found and found[0] == before:
            return found[1]
        digest = content_id(path)
        if time.time_ns() - max(before[1:3]) > GRAIN and _stamp(path) == before:
            self.known[name] = (before, digest)
            self.is_new = True
        return digest

    def keeps(self, path: Path) -> bool:
        """Tell whether a file that is written once is as it was first read; one that was never read is.

        Raises:
            OSError: it cannot be read.
        """
        first = self.known.get(self._name(path))
        if first is None or first[0] == _stamp(path) or first[1] == content_id(path):
            self.digest(path)
            return True
        return False

    def vouch(self, folder: Path) -> None:
        """Remember that nothing is missing in a folder, as long as no file comes or goes."""
        stamp = _stamp(folder)
        if time.time_ns() - max(stamp[1:3]) > GRAIN:
            self.known[self._name(folder)] = (stamp, "")
            self.is_new = True

    def is_vouched(self, folder: Path) -> bool:
        """Tell whether no file has come or gone since `vouch`."""
        found = self.known.get(self._name(folder))
        return folder.is_dir() and found == (_stamp(folder), "")

    def below(self, folder: Path) -> list[Path]:
        """Name the files below a folder that are known, there or not."""
        return [self.state / name for name in self.known if name.startswith(f"{self._name(folder)}/")]

    def forget(self, paths: Iterable[Path]) -> None:
        """Know nothing of these files any more."""
        for path in paths:
            self.is_new |= self.known.pop(self._name(path), None) is not None

    def save(self) -> None:
        """Keep what is known for other processes, where the folder can be written."""
        if self.is_new:
            self.forget([self.state / name for name in self.known if not (self.state / name).exists()])
            with suppress(OSError):
                write_bytes(self.state / LEDGER, json.dumps(self.known).encode())
                self.is_new = False

    def _name(self, path: Path) -> str:
        return path.absolute().relative_to(self.state).as_posix()


@functools.cache
def ledger_of(state: Path) -> Ledger:
    """Open the ledger of a state folder, an absolute path; one that cannot be read is begun anew."""
    try:
        plain = json.loads((state / LEDGER).read_bytes())
        return Ledger(state, {name: (_as_stamp(*stamp), str(digest)) for name, (stamp, digest) in plain.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return Ledger(state)


def _as_stamp(size: int, written: int, changed: int, number: int) -> Stamp:
    return size, written, changed, number


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
