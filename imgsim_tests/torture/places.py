"""Odd places and limits: full and read-only disks, clocks, locales, few files, little memory, bad photos."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from imgsim_tests.broken_files import write_broken_files
from imgsim_tests.torture.ground import Ground, command, heals, told_badly
from imgsim_tests.torture.tally import Tally

DISK_SIZES = (1, 2, 4, 8, 16, 32)  # MB: full in every stage
YEAR = 365.25 * 86400
MEGABYTE = 1 << 20
OWN_MOUNTS = ("unshare", "--mount", "--map-root-user")
LIMIT = "import os, resource, sys; resource.setrlimit(resource.{0}, ({1}, {1})); os.execvp(sys.argv[1], sys.argv[1:])"

Trial = Callable[[Ground], Iterator[tuple[str, list[str]]]]


def can_mount() -> bool:
    """Whether this system lets a process have mounts of its own."""
    unshare = shutil.which(OWN_MOUNTS[0])
    return (
        unshare is not None and subprocess.run([*OWN_MOUNTS, "true"], check=False, capture_output=True).returncode == 0
    )


def full_disks(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """The disk fills up in a sync; with room, the next one goes on."""
    for size in DISK_SIZES if can_mount() else ():
        workplace = ground.copy(ground.unsynced)
        workplace.state.mkdir()
        kept = workplace.folder / "kept"
        script = (
            f'mount -t tmpfs -o size={size}m tmpfs "{workplace.state}"; "$@"; first=$?; '
            f'mount -o remount,size=512m "{workplace.state}"; "$@" >&2; cp -a "{workplace.state}" "{kept}"; exit $first'
        )
        done = command(workplace, "sync", prefix=[*OWN_MOUNTS, "sh", "-c", script, "sh"])
        problems = list(told_badly("sync", done, may_fail=True))
        if kept.is_dir():
            workplace.state.rmdir()
            kept.rename(workplace.state)
            problems += heals(workplace, ground.synced.submission())
        yield f"a disk of {size} MB", problems


def read_only_places(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """Nothing can be written to the state folder."""
    words = [("status",), ("sync",), ("home",), ("gc", "--yes"), ("versions",), ("compare",)]
    for word in words if can_mount() else ():
        workplace = ground.copy(ground.synced)
        (workplace.photos / "train" / "train_00000.jpg").touch()
        state = workplace.state
        script = f'mount --bind "{state}" "{state}" && mount -o remount,ro,bind "{state}" && exec "$@"'
        done = command(workplace, *word, prefix=[*OWN_MOUNTS, "sh", "-c", script, "sh"])
        yield "a read-only state folder", list(told_badly(word[0], done, may_fail=True))


def clocks(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """Files that say they are of another time: the clock was set, or is now."""
    for years in (-60.0, -1.0, 1.0, 60.0):
        workplace = ground.copy(ground.synced)
        moment = max(0.0, time.time() + years * YEAR)
        for path in [*workplace.photos.rglob("*"), *workplace.state.rglob("*")]:
            os.utime(path, (moment, moment), follow_symlinks=False)
        yield "a clock that was set", list(heals(workplace, ground.synced.submission()))


def environments(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """The same submission under other locales, time zones and hash seeds, from nothing."""
    for name, variables in {
        "locale C, no UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        "locale tr_TR": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
        "another time zone": {"TZ": "Asia/Kathmandu"},
        "another hash seed": {"PYTHONHASHSEED": "4711"},
        "two threads": {"IMGSIM_RUNTIME__THREADS": "2"},
    }.items():
        workplace = ground.copy(ground.unsynced)
        problems = list(told_badly("sync", command(workplace, "sync", **variables)))
        if not problems and workplace.submission() != ground.synced.submission():
            problems.append("another submission")
        yield name, problems


def limits(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """Few open files and little memory: done, or said in a line; without the limit the next sync goes on."""
    for limit, values in {"RLIMIT_NOFILE": (24, 64, 128), "RLIMIT_AS": (500 * MEGABYTE, 1500 * MEGABYTE)}.items():
        for value in values:
            workplace = ground.copy(ground.unsynced)
            prefix = [sys.executable, "-c", LIMIT.format(limit, value)]
            problems = list(told_badly("sync", command(workplace, "sync", prefix=prefix), may_fail=True))
            yield f"{limit} {value}", [*problems, *heals(workplace, ground.synced.submission())]


def bad_photos(ground: Ground) -> Iterator[tuple[str, list[str]]]:
    """Broken files of every kind among the photos."""
    workplace = ground.copy(ground.unsynced)
    for part in ("train", "test"):
        write_broken_files(workplace.photos / part)
    done = command(workplace, "sync")
    yield "broken files of every kind", list(told_badly("sync", done))


TRIALS: tuple[Trial, ...] = (bad_photos, clocks, environments, limits, full_disks, read_only_places)


def try_places(ground: Ground, tally: Tally, trials: tuple[Trial, ...] = TRIALS) -> Iterator[str]:
    """Go through odd places; says what was tried."""
    for trial in trials:
        for name, problems in trial(ground):
            tally.note(name, problems)
            yield f"{name}: {'; '.join(problems) or 'held'}"
        for copy in ground.folder.glob("copy-*"):
            shutil.rmtree(copy, ignore_errors=True)


def peak_megabytes() -> float:
    """The largest memory that a process started from this one has had."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
