"""Faults of the world: a full disk, a place that may not be written, too little memory, known by what is said of them.

They come from a dozen libraries, each with its own class of errors, and through Dagster's records as text only; what
they have in common is the number or the words of the operating system.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from imgsim_assets.errors import WorldError
from imgsim_assets.secrets import masked

SHOWN = 300  # characters of what a library says


class Kind(NamedTuple):
    """One kind of fault: how it is known, what was expected, and what a person can do."""

    said: re.Pattern[str]
    expected: str
    mend: str


def _numbers(*numbers: int) -> str:
    either = "|".join(map(str, numbers))
    return rf"\[Errno (?:{either})\]|os error (?:{either})\b"  # Python's and Rust's way to write them


KINDS = [
    Kind(
        re.compile(rf"{_numbers(28, 122)}|No space left on device|Disk quota exceeded|database or disk is full"),
        "room on the disk",
        "free some space (`imgsim gc` names what nothing needs) or use another --state, and run it again: "
        "what is done is kept",
    ),
    Kind(
        re.compile(rf"{_numbers(30)}|Read-only file system|readonly database"),
        "a place that can be written",
        "use another --state, or mount that place writable",
    ),
    Kind(
        re.compile(rf"{_numbers(1, 13)}|Permission denied|Operation not permitted|unable to open database file"),
        "the permission to read and write there",
        "give it to this user (chown, chmod), or use another place",
    ),
    Kind(
        re.compile(rf"{_numbers(23, 24)}|[Tt]oo many open files"),
        "room for one more open file",
        "raise the limit (`ulimit -n 4096`) and run it again",
    ),
    Kind(
        re.compile(
            rf"{_numbers(11, 12)}|MemoryError|[Oo]ut of memory|[Cc]annot allocate memory|can't allocate memory"
            r"|bad_?alloc|bad allocation|failed to map segment|can't start new thread|[Nn]ot enough memory"
        ),
        "enough memory",
        "end other programs, raise the limit, or set runtime.batch_size and runtime.threads lower, and run it again",
    ),
    Kind(
        re.compile(rf"{_numbers(5)}|disk I/O error"),
        "a disk that can be read and written",
        "look at the disk and the system's log; then run it again",
    ),
    Kind(re.compile(_numbers(36, 40)), "a path that can be used", "use a shorter one, without a ring of links"),
    Kind(
        re.compile(r"\[Errno 2\] No such file or directory$"),  # of a path it would say which
        "a working directory",
        "it was removed: change to one that is there",
    ),
    Kind(re.compile(r"Could not determine home directory"), "a home folder", "set HOME, or write whole paths"),
    Kind(
        re.compile(r"No usable temporary directory found"),
        "a folder for temporary files",
        "set TMPDIR to a folder that can be written",
    ),
    Kind(
        re.compile(r"database is locked"),
        "the databases in the state folder within half a minute",
        "end what else is at work on them, and run it again",
    ),
]


# Inside the state folder this is damage, which is mended by making anew; elsewhere it is a person's.
IN_THE_WAY = Kind(
    re.compile(_numbers(17, 20)), "a folder there", "move away what is in its place, or use another place"
)


def world_fault(words: str, kinds: Sequence[Kind] = KINDS) -> WorldError | None:
    """Recognise a fault of the world by `words`, "Class: message" of an error; None: it is none of `kinds`."""
    for kind in kinds:
        if kind.said.search(words):
            return WorldError(kind.expected, " ".join(masked(words).split())[:SHOWN], kind.mend)
    return None


def world_fault_in(error: BaseException, kinds: Sequence[Kind] = KINDS) -> WorldError | None:
    """Recognise a fault of the world in an error or in what led to it."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        if found := world_fault(f"{type(one).__name__}: {one}".strip(), kinds):
            return found
        one = one.__cause__ or one.__context__
    return None


def in_one_line(text: str) -> str:
    """Write line breaks, which names can have, as two characters."""
    return "\\n".join(text.splitlines())
