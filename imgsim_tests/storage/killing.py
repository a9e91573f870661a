"""Start a writer of `writers` in a process of its own, and kill it without warning."""

import subprocess
import sys
from collections.abc import Iterator
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
