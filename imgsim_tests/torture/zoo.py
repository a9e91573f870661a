"""The corruption zoo: damaged files of many kinds, each of which is a photo or has a reason why not.

`python -m imgsim_tests.torture.zoo --size 1000` prints a table of so many files of each kind, and ends with 1 if one of
them crashed the process that decoded it, hung, took too much memory, had no known reason, or was another photo when it
was decoded again or reduced. The same seed and number make the same file.
"""

import argparse
import json
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgsim_tests.torture.damage import KINDS
from imgsim_tests.torture.looking import LIMIT

ROOT = Path(__file__).parents[2]
LOOKING = (sys.executable, "-m", "imgsim_tests.torture.looking")
PATIENCE = 60.0  # seconds for one file, decoded five times; most take milliseconds
MOST_BYTES = 20 * LIMIT + (64 << 20)  # what `decode_photo` promises, and what libraries take for themselves
SHOWN_FAULTS = 20


@dataclass
class Cage:
    """What was seen of one kind of damage."""

    found: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    most_bytes: int = 0
    faults: list[str] = field(default_factory=list)

    def note(self, number: int, answer: dict[str, Any]) -> None:
        """Add what was seen of the file `number`."""
        self.found[answer["found"]] += 1
        self.slowest = max(self.slowest, answer["seconds"])
        self.most_bytes = max(self.most_bytes, answer["bytes"])
        self.faults += [f"file {number}: {fault}" for fault in answer["faults"]]
        if answer["bytes"] > MOST_BYTES:
            self.faults.append(f"file {number}: took {answer['bytes'] >> 20} MB")


class Keeper:
    """Asks a process of its own, and starts another when that crashed or hung."""

    def __init__(self, command: Sequence[str] = LOOKING, patience: float = PATIENCE) -> None:
        """Start nothing yet."""
        self._command, self._patience = command, patience
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def ask(self, question: str) -> dict[str, Any]:
        """Give the answer to a line; a crash and a hang are answers, too."""
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(question + "\n")
            process.stdin.flush()
            line = self._lines.get(timeout=self._patience)
        except (queue.Empty, BrokenPipeError) as error:
            line = "" if isinstance(error, BrokenPipeError) else "hung"
        if line and line != "hung":
            return dict(json.loads(line))
        found = "hung" if line else "crashed"
        code = self.end()
        return {"found": found, "faults": [f"{found} ({code})"], "seconds": 0.0, "bytes": 0}

    def end(self) -> int | None:
        """End the process, if there is one; give how it ended."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill() if process.poll() is None else None
        return process.wait()

    def _start(self) -> subprocess.Popen[str]:
        self._process = process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # where decoders complain
            text=True,
        )
        self._lines = queue.Queue()
        threading.Thread(target=_listen, args=(process, self._lines), daemon=True).start()
        return process


def _listen(process: subprocess.Popen[str], lines: "queue.Queue[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")  # it ended


def visit(
    kinds: Iterable[str], numbers: range, seed: int, keeper: Keeper, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Cage]:
    """Look at the files `numbers` of each kind."""
    cages = {}
    for kind in kinds:
        cage = cages[kind] = Cage()
        for number in numbers:
            cage.note(number, keeper.ask(f"{kind}\t{number}\t{seed}"))
        tell(_row(kind, cage))
    return cages


def table(cages: dict[str, Cage]) -> str:
    """Write what was seen as markdown."""
    return "\n".join([HEAD, *(_row(kind, cage) for kind, cage in cages.items()), _row("all", _sum(cages.values()))])


HEAD = "| kind | files | ok | quarantined | faults | slowest | most memory |\n|---|---|---|---|---|---|---|"


def _row(kind: str, cage: Cage) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in cage.found.most_common() if reason != "ok")
    cells = [kind, f"{cage.found.total():,}", f"{cage.found['ok']:,}", reasons, str(len(cage.faults))]
    return f"| {' | '.join([*cells, f'{cage.slowest:.2f} s', f'{cage.most_bytes / 1e6:.0f} MB'])} |"


def _sum(cages: Iterable[Cage]) -> Cage:
    whole = Cage()
    for cage in cages:
        whole.found += cage.found
        whole.slowest, whole.most_bytes = max(whole.slowest, cage.slowest), max(whole.most_bytes, cage.most_bytes)
        whole.faults += cage.faults
    return whole


def main() -> None:
    """Print the table, and the faults."""
    parser = argparse.ArgumentParser(description="damaged files of many kinds: photos, or reasons why not")
    parser.add_argument("--size", type=int, default=40, help="files of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS), metavar="KIND")
    chosen = parser.parse_args()
    keeper = Keeper()
    try:
        cages = visit(chosen.kinds, range(chosen.size), chosen.seed, keeper, lambda row: sys.stderr.write(row + "\n"))
    finally:
        keeper.end()
    faults = [f"{kind}, {fault}" for kind, cage in cages.items() for fault in cage.faults]
    sys.stdout.write("\n".join([table(cages), *faults[:SHOWN_FAULTS]]) + "\n")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
