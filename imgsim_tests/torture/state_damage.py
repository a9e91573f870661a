"""Damage to the state folder: one file of each kind, cut, flipped, emptied and deleted."""

import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from imgsim_tests.torture.ground import Ground, command, mend_as_told, told_badly
from imgsim_tests.torture.tally import Tally
from imgsim_tests.workplace import Workplace

NAMES = re.compile(r"[0-9a-f]{8,}(-[0-9a-f]{4,})*")  # of versions, runs and fingerprints
NUMBERS = re.compile(r"\d+")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def delete(path: Path) -> None:
    path.unlink()


DAMAGES: dict[str, Callable[[Path], None]] = {"cut": cut, "flipped": flip, "emptied": empty, "deleted": delete}


def kinds_of_files(state: Path) -> dict[str, Path]:
    """Give one file of each kind that lies in a state folder: names that are made up and numbers make no kind."""
    kinds: dict[str, Path] = {}
    for path in sorted(state.rglob("*")):
        inside = path.relative_to(state)
        if path.is_file() and not path.is_symlink() and inside.parts[0] != "published":
            kinds.setdefault(NUMBERS.sub("#", NAMES.sub("*", inside.as_posix())), inside)
    return kinds


def choose_damages(ground: Ground, most: int | None, chance: random.Random) -> list[tuple[str, str]]:
    """Pair kinds of files with damages; `most` of the pairs, chosen by chance; None: all."""
    pairs = [(kind, damage) for kind in kinds_of_files(ground.synced.state) for damage in DAMAGES]
    return pairs if most is None else chance.sample(pairs, min(most, len(pairs)))


def try_damages(ground: Ground, tally: Tally, pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Damage one file after the other; says what was tried."""
    kinds = kinds_of_files(ground.synced.state)
    for kind, damage in pairs:
        workplace = ground.copy(ground.synced)
        DAMAGES[damage](workplace.state / kinds[kind])
        problems = list(heals_or_says_how(workplace, ground.synced.submission()))
        tally.note(f"{damage}: {kind}", problems)
        shutil.rmtree(workplace.folder, ignore_errors=True)
        yield f"{damage} {kind}: {'; '.join(problems) or 'held'}"


def heals_or_says_how(workplace: Workplace, expected: bytes) -> Iterator[str]:
    """Say what is wrong: commands that die or show a traceback, and a sync that neither mends it nor says how to."""
    photo = str(workplace.photos / "test" / "test_00000.jpg")
    yield from told_badly("status", command(workplace, "status"), may_fail=True)
    yield from told_badly("search", command(workplace, "search", photo), may_fail=True)
    done = command(workplace, "sync")
    yield from told_badly("sync", done, may_fail=True)
    if done.status and mend_as_told(done):
        done = command(workplace, "sync")
    yield from told_badly("sync after what it said", done)
    if done.status == 0 and workplace.submission() != expected:
        yield "another submission"
    yield from told_badly("search after sync", command(workplace, "search", photo))
