"""Start writers of `writers` in processes of their own, and kill them without warning."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def running_writer(kind: str, folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """Give the process once it writes; it is killed (SIGKILL) at the end, and must have been alive until then."""
    command = [sys.executable, "-m", "imgsim_tests.storage.writers", kind, str(folder), name]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        assert process.poll() is None, "the writer ended by itself"
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def look_while_writers_are_killed(kind: str, folder: Path, look: Callable[[], str | None], seed: int) -> None:
    """Look on while two of them write, four times over, and each time after both were killed.

    `look` gives the text of what it has seen, None: nothing yet; at least three are seen.
    """
    chance, seen = random.Random(seed), set[str]()
    for turn in range(4):
        with running_writer(kind, folder, f"one{turn}"), running_writer(kind, folder, f"two{turn}"):
            end = time.monotonic() + chance.uniform(0.1, 0.5)
            while time.monotonic() < end or len(seen) < 3:
                seen.update(filter(None, [look()]))
        look()
