"""A photo's file, read into memory as a whole before anything looks at it, or a reason why not.

Who knows its content id says so, and is refused other bytes: what is computed of a photo is never stored under the name
of another.
"""

import stat
from pathlib import Path

from imgsim_assets.fingerprint import bytes_id, content_id

BYTES_A_PIXEL = 16  # four channels of 32 bits: no photo has more
ALWAYS_READ = 1 << 26  # bytes: small photos may carry large metadata
OF_THE_DAY = frozenset({"unreadable", "changed", "not a file"})


class PhotoError(Exception):
    """A file that gives no photo.

    `reason` is one of `"empty"`, `"not a file"` (a pipe, a device), `"not an image"`, `"raw"` (a camera's raw
    file), `"unsupported"` (sound, but of a kind that no decoder here reads), `"truncated"`, `"damaged"`,
    `"oversized"`, `"unreadable"` (the file could not be read; another day it may be), and `"changed"` (its bytes are
    not those that were asked for).
    """

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason, which tables count, apart from the detail, which a person reads."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    @property
    def lasts(self) -> bool:
        """Whether it is true of the bytes that were asked for; else of the day, and to be tried again."""
        return self.reason not in OF_THE_DAY


def require_file(path: Path) -> int:
    """Give the size in bytes of a file that can be opened without waiting.

    Raises:
        PhotoError: there is none, or it is a pipe, a socket, a device or a folder.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise PhotoError("unreadable", str(error.strerror)) from error
    if not stat.S_ISREG(status.st_mode):
        raise PhotoError("not a file", "a pipe, socket, device or folder of that name")
    return status.st_size


def can_be_read(path: Path) -> bool:
    """Whether a file is there that lets itself be read."""
    try:
        require_file(path)
        with path.open("rb") as file:
            file.read(1)
    except (PhotoError, OSError):
        return False
    return True


def read_file(path: Path, max_pixels: int, known_by: str | None = None) -> bytes:
    """Read a file into memory, once.

    Args:
        path: the file.
        max_pixels: a file that is larger than so many pixels need is not read.
        known_by: the content id that it must have; None: any.

    Raises:
        PhotoError: it cannot be read, or has another content.
    """
    size, limit = require_file(path), max(BYTES_A_PIXEL * max_pixels, ALWAYS_READ)
    try:
        content = path.read_bytes() if size <= limit else None
        found = content_id(path) if content is None else bytes_id(content)
    except OSError as error:
        raise PhotoError("unreadable", str(error.strerror)) from error
    if known_by not in (None, found):
        raise PhotoError("changed", "its bytes are not those that were catalogued")
    if content is None:
        raise PhotoError("oversized", f"{size} bytes; the limit is {limit}")
    return content
