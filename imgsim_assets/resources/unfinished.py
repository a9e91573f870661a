"""What MLflow was not told to its end: names in a folder, so that a process that dies leaves them."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Unfinished:
    """Names, each an empty file in `folder`, which is there as long as there is one."""

    folder: Path

    def note(self, name: str) -> None:
        """Keep a name until it is forgotten."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).touch()

    def forget(self, name: str) -> None:
        """Let a name go."""
        (self.folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # others are left
            self.folder.rmdir()

    def names(self) -> list[str]:
        """Give the names that are kept, the one noted last at the end."""
        found = self.folder.glob("*") if self.folder.is_dir() else ()
        return [path.name for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)]
