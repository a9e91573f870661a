"""Where torture begins: synced workplaces with their undisturbed results, and what must be true afterwards."""

import itertools
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from imgsim_assets.orchestration import dead_runs
from imgsim_assets.orchestration.doors import end_dead
from imgsim_tests.broken_files import picture
from imgsim_tests.conftest import write_small_workplace
from imgsim_tests.workplace import COMMAND, ROOT, Done, Workplace, clean_environment

LONGEST_RUN = 600  # seconds; what takes longer hangs
LITTER = (".tmp-", ".new-")
MEND = re.compile(r"to mend: (.*)")
REMOVE = re.compile(r"(?:delete|remove) (?:the (?:file|folder) )?['\"`]?(/[^\s'\"`,;]+)")


@dataclass(frozen=True)
class Ground:
    """Workplaces to copy.

    Attributes:
        folder: where copies go.
        unsynced: nothing synced yet.
        synced: synced once, and what it published.
        grown: `synced` with one more photo in each folder, synced again, so that there are two publications.
    """

    folder: Path
    unsynced: Workplace
    synced: Workplace
    grown: Workplace

    def copy(self, of: Workplace) -> Workplace:
        """Give a workplace of its own, whose paths are its own too."""
        for number in itertools.count():
            target = self.folder / f"copy-{number}"
            if not target.exists():
                return Workplace(Path(shutil.copytree(of.folder, target, symlinks=True)))
        raise AssertionError


def prepare(folder: Path) -> Ground:
    """Draw photos, and sync them undisturbed."""
    unsynced = Workplace(write_small_workplace(folder / "unsynced"))
    synced = Workplace(Path(shutil.copytree(unsynced.folder, folder / "synced")))
    synced.sync()
    grown = Workplace(Path(shutil.copytree(synced.folder, folder / "grown", symlinks=True)))
    grow(grown)
    grown.sync()
    return Ground(folder, unsynced, synced, grown)


def grow(workplace: Workplace) -> None:
    for seed, name in enumerate(("train/more.png", "test/more.png")):
        picture(seed).save(workplace.photos / name)


def command(workplace: Workplace, *words: str, prefix: Sequence[str] = (), **environment: str) -> Done:
    """Run the command in a process group of its own; one that hangs is killed, and has status -9."""
    line = [*prefix, *COMMAND, *words, "--config", str(workplace.config)]
    process = start(line, environment)
    try:
        out, err = process.communicate(timeout=LONGEST_RUN)
    except subprocess.TimeoutExpired:
        kill(process)
        out, err = process.communicate()
        err += f"\nhangs after {LONGEST_RUN} s"
    return Done(process.returncode, out, err)


def start(line: Sequence[str], environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        list(line),
        cwd=ROOT,
        env={**clean_environment(), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def kill(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def told_badly(what: str, done: Done, *, may_fail: bool = False) -> Iterator[str]:
    """Say what is wrong with how a command ended: by a signal, with a traceback, or without saying how to mend it."""
    text = done.out + done.err
    last = text.strip().splitlines()[-1:] or [""]
    if done.status < 0 or done.status > 128:
        yield f"{what} died ({done.status}): {last[0]}"
    elif "Traceback" in text:
        yield f"{what} shows a traceback: {last[0]}"
    elif done.status and not may_fail:
        yield f"{what} ended with {done.status}: {last[0]}"
    elif done.status and "to mend:" not in text:
        yield f"{what} ended with {done.status} and does not say how to mend it: {last[0]}"


def heals(workplace: Workplace, expected: bytes) -> Iterator[str]:
    """Say what is not as after an undisturbed run, once `status`, `sync` and `gc` have been run."""
    yield from told_badly("status", command(workplace, "status"))
    done = command(workplace, "sync")
    yield from told_badly("sync", done)
    if done.status == 0 and workplace.submission() != expected:
        yield "another submission"
    yield from at_work(workplace)
    yield from told_badly("gc", command(workplace, "gc", "--yes"))
    yield from litter(workplace.state)


def at_work(workplace: Workplace) -> Iterator[str]:
    """Name the runs that are said to be at work, once those that were killed before they began had time to begin."""
    from mlflow import MlflowClient

    with workplace.opened() as (settings, instance), mock.patch.object(dead_runs, "GRACE", 0.0):
        end_dead(instance, settings)
        for run in instance.get_runs():
            if not run.is_finished:
                yield f"Dagster's run {run.run_id[:8]} is {run.status.value}"
    client = MlflowClient(tracking_uri=f"sqlite:///{workplace.state / 'mlflow.db'}")
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            if run.info.status == "RUNNING":
                yield f"MLflow's run {run.info.run_id[:8]} is RUNNING"


def litter(state: Path) -> Iterator[str]:
    for path in sorted(state.rglob("*")):
        if path.name.startswith(LITTER) or path.suffix == ".part":
            yield f"litter: {path.relative_to(state)}"


def mend_as_told(done: Done) -> bool:
    """Do what the command says that mends it, as far as that is to remove something."""
    found = [path for mend in MEND.findall(done.out + done.err) for path in REMOVE.findall(mend)]
    for name in found:
        path = Path(name.rstrip("."))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return bool(found)
