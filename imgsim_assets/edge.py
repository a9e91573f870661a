"""The command's edge: whatever happens inside, a person reads one line; what nobody foresaw leaves a report as well."""

import io
import logging
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from imgsim_assets.errors import ImgsimError, WorldError
from imgsim_assets.orchestration.records import REPORTS, records_fault
from imgsim_assets.secrets import masked
from imgsim_assets.world import IN_THE_WAY, KINDS, in_one_line, world_fault, world_fault_in

LEAST_ADDRESS_SPACE = 1280 * 2**20  # bytes; loading takes four fifths of that
LEAST_FILES, ENOUGH_FILES = 64, 4096  # open at once: without, not even what went wrong can be recorded
LEAST_ROOM = 16 * 2**20  # bytes; with less a full disk is likelier than a broken one
SHOWN = 300  # characters of what went wrong


@contextmanager
def net(state: Path | None = None) -> Iterator[None]:
    """Let only errors out that say what was expected, what was found and how to mend it, and those of the command line.

    Args:
        state: the state folder, for a report; None: it is not known yet.
    """
    try:
        yield
    except (ImgsimError, click.ClickException, click.Abort, BrokenPipeError):
        raise
    except Exception as error:
        known = _full_disk(error, state) or world_fault_in(error, [*KINDS, IN_THE_WAY]) or records_fault(error, state)
        raise known or _unforeseen(error, state) from error


def prepare_streams() -> None:
    """Let what is printed never be what fails: not a name that the locale cannot write, nor a stream that is closed."""
    for number in range(3):  # else the next file that is opened, a database say, would be taken for a stream
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.raiseExceptions = False
    # What a pool says of a connection that is closed while a command is being stopped, with a traceback.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


def require_address_space() -> None:
    """Refuse a limit on memory in which the libraries cannot be loaded: one of them would end the process by itself.

    Raises:
        WorldError: there is one.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if 0 <= limit < LEAST_ADDRESS_SPACE:
        raise WorldError(
            "enough memory: an address space of 1,280 MB, to load the libraries",
            f"a limit of {limit / 2**20:,.0f} MB",
            "raise it (`ulimit -v`)",
        )


def require_open_files() -> None:
    """Take as many open files as the system lets this process have, up to enough; refuse a limit in which no work ends.

    Raises:
        WorldError: there is one.
    """
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_FILES if most == resource.RLIM_INFINITY else min(ENOUGH_FILES, most)
    if 0 <= soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    if 0 <= most < LEAST_FILES:
        raise WorldError(
            f"room for {LEAST_FILES} open files", f"a limit of {most}", f"raise it (`ulimit -n {ENOUGH_FILES}`)"
        )


def let_go_of_output() -> None:
    """Forget what standard output does not take: Python would try, and complain, once more when it ends."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _full_disk(error: Exception, state: Path | None) -> ImgsimError | None:
    """Recognise a full disk where SQLite says no more than that it could not write."""
    with suppress(OSError):
        if state is not None and "disk I/O error" in str(error) and shutil.disk_usage(state).free < LEAST_ROOM:
            return world_fault(f"No space left on device: {error}")
    return None


def _unforeseen(error: Exception, state: Path | None) -> ImgsimError:
    words = in_one_line(masked(str(error).strip())) or "no words"
    place = _write_report(error, state)
    return ImgsimError(
        "no fault that imgsim does not know",
        f"{type(error).__name__}: {words[:SHOWN]}",
        f"send {place} in a report" if place else "send this line in a report; there was no place to write more",
    )


def _write_report(error: Exception, state: Path | None) -> Path | None:
    """Write the traceback to the state folder, or else to the folder for temporary files; None: to neither."""
    about = f"imgsim {' '.join(sys.argv[1:])}\nPython {sys.version}\n{platform.platform()}\n\n"
    text = masked(about + "".join(traceback.format_exception(error)))
    name = f"imgsim-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    with suppress(OSError):
        if state is not None and state.is_dir():
            return _written((state / REPORTS).absolute(), name, text)
    with suppress(OSError):
        return _written(Path(tempfile.gettempdir()), name, text)
    return None


def _written(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8", errors="replace")
    return path
