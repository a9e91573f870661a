"""What is known of the files in a state folder: the digest of each, and its size and times when it was read.

A file is read again only where these differ, so that every byte of what is published can be vouched for at each sync.
Time of change is looked at as well, which no program sets; a disk that returns other bytes by itself is not noticed.
"""

import functools
import json
import time
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

    def first_digest(self, path: Path) -> str | None:
        """Give the digest that a file had when it was last read; None: it never was."""
        found = self.known.get(self._name(path))
        return found[1] if found else None

    def forget_missing(self) -> None:
        """Drop what is known of files that are gone."""
        gone = [name for name in self.known if not (self.state / name).is_file()]
        for name in gone:
            del self.known[name]
        self.is_new |= bool(gone)

    def save(self) -> None:
        """Keep what is known for other processes, where the folder can be written."""
        if self.is_new:
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
