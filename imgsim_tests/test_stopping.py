"""Real processes, real signals: one line, 130 or 143, soon, and a state folder that can go on."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from imgsim_tests.workplace import COMMAND, ROOT, Workplace, clean_environment

PATIENCE = 120  # seconds; a busy machine is no failure
HEARING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # a job in the background is deaf
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
WORDS = {
    signal.SIGINT: "imgsim: stopped by Ctrl-C; what is finished is kept, and the same command goes on from there\n",
    signal.SIGTERM: "imgsim: stopped by SIGTERM; what is finished is kept, and the same command goes on from there\n",
}


def start(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HEARING + code, *arguments],
        cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


CHILD = """
import time
from unittest import mock
from imgsim_assets import stopping
from imgsim_assets.progress import track

def polite():
    print("ready", flush=True)
    time.sleep(60)

def swallowing(seconds):
    words = ["ready"]
    while True:
        try:
            while words:
                print(words.pop(), flush=True)
            time.sleep(seconds)
        except KeyboardInterrupt:
            words.append("swallowed")
        yield

def deaf():
    list(swallowing(60))

def tracking():
    list(track(swallowing(0.05), "for ever"))

def holding_back():
    with stopping.held_back():
        print("ready", flush=True)
        while not stopping.was_asked():
            time.sleep(0.05)
        time.sleep(0.2)
        print("whole", flush=True)
    print("went on")

class Lingering:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(60)

def finalizing():
    Lingering()
    while True:
        stopping.stop_if_asked()
        time.sleep(0.05)

with mock.patch.object(stopping, "PATIENCE", {patience}), stopping.ending_in_one_line():
    with stopping.listening() as listener:
        listener.last_deed = lambda: print("last deed", flush=True)
        {what}()
"""


def child(what: str, patience: float = 60.0) -> "subprocess.Popen[str]":
    process = start(textwrap.dedent(CHILD).format(what=what, patience=patience))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


LOADING = """
import os, sys

class Meddler:
    def find_spec(self, name, *_):
        if name == "imgsim_assets.cli":
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Meddler())
from imgsim_assets.__main__ import main
main()
print("went on")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_still_being_loaded_ends_in_one_line(number: signal.Signals):
    child = start(LOADING.format(number=int(number)))
    assert child.communicate(timeout=PATIENCE) == ("", WORDS[number])
    assert child.returncode == STATUS[number]


@pytest.mark.parametrize("number", list(STATUS))
def test_it_is_said_in_one_line_and_by_the_status(number: signal.Signals):
    process = child("polite")
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (STATUS[number], "", WORDS[number])


def test_a_process_that_does_not_listen_is_ended_all_the_same():
    process = child("deaf", patience=2.0)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (143, "swallowed\nlast deed\n")
    assert err.splitlines() == [
        "imgsim: stopping at the next safe moment; once more, and it stops at once",
        WORDS[signal.SIGTERM].strip(),
    ]


def test_a_second_signal_ends_it_at_once():
    process = child("deaf")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "swallowed\n"
    time.sleep(0.7)  # sooner, it would be the first one, passed on by a parent
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "last deed" in out
    assert err.endswith(WORDS[signal.SIGINT])


def test_an_interrupt_that_was_swallowed_is_raised_again_by_the_next_item():
    process = child("tracking")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "swallowed\n")
    assert err.endswith(WORDS[signal.SIGINT])


@pytest.mark.parametrize("number", list(STATUS))
def test_what_must_not_be_interrupted_ends_before_the_process_does(number: signal.Signals):
    process = child("holding_back")
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (STATUS[number], "whole\n", WORDS[number])


def test_an_interrupt_that_a_finalizer_swallows_shows_no_traceback():
    process = child("finalizing")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, "", WORDS[signal.SIGINT])


def test_what_is_not_a_stop_is_raised_as_it_is():
    process = start("from imgsim_assets.stopping import *\nwith ending_in_one_line(): raise SystemExit(7)")
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (7, "")


STAGES = [
    ("to make: ", 0.0, signal.SIGINT),
    ("to make: ", 1.0, signal.SIGTERM),
    ("✓ canny_maps", 0.0, signal.SIGINT),
    ("✓ clusters", 1.5, signal.SIGTERM),
    ("✓ faiss_neighbors", 0.4, signal.SIGINT),
    ("✓ retrieval_report", 0.0, signal.SIGTERM),
]


def interrupt(workplace: Workplace, line: str, delay: float, number: signal.Signals) -> None:
    """Sync, and signal a moment after a line was told."""
    process = start(COMMAND[-1], "sync", "--config", str(workplace.config))
    assert process.stderr is not None
    told = []
    for words in process.stderr:
        told.append(words)
        if words.startswith(line):
            break
    time.sleep(delay)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    if process.returncode == 0:
        pytest.fail(f"it ended before it was stopped, after {line}: {out}")
    assert (process.returncode, out) == (STATUS[number], ""), "".join(told) + err
    assert err.endswith(WORDS[number])
    assert "✗" not in err
    assert "Interrupted" not in err
    assert "Traceback" not in err


def require_nothing_at_work(workplace: Workplace) -> None:
    from mlflow import MlflowClient

    with workplace.opened() as (_, instance):
        assert all(run.is_finished for run in instance.get_runs())
        held = [instance.event_log_storage.get_concurrency_info(key) for key in ("gpu",)]
        assert all(info.active_slot_count == 0 for info in held)
    if (workplace.state / "mlflow.db").exists():
        client = MlflowClient(tracking_uri=f"sqlite:///{workplace.state / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("imgsim")
        found = client.search_runs([experiment.experiment_id]) if experiment else []
        assert all(run.info.status != "RUNNING" for run in found)


@pytest.mark.slow
def test_a_sync_stops_in_every_stage_and_goes_on_to_the_same_bytes(unsynced: Workplace, synced_once: Workplace):
    for line, delay, number in STAGES:
        interrupt(unsynced, line, delay, number)
        require_nothing_at_work(unsynced)
    assert unsynced.sync().materialized[-1] == "publication"
    assert unsynced.submission() == synced_once.submission()
    assert unsynced.run("gc", "--yes", "--keep", "0").status == 0
    assert litter(unsynced.state) == []


def litter(state: Path) -> list[Path]:
    return [path for path in state.rglob("*") if path.name.startswith((".tmp-", ".new-")) or path.suffix == ".part"]


@pytest.mark.slow
def test_a_run_that_dagster_itself_started_stops_in_its_step(unsynced: Workplace, synced_once: Workplace):
    """As the daemon and the UI start and end them: no command of ours is there to listen."""
    with unsynced.opened():
        pass  # writes dagster.yaml
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "*", "-m", "imgsim_assets.definitions"],
        cwd=ROOT,
        env={**clean_environment(), "DAGSTER_HOME": str(unsynced.state), "IMGSIM_CONFIG": str(unsynced.config)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE
    while not (unsynced.state / "artefacts" / "clusters" / "manifest.json").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) != 0
    assert not unsynced.published.exists()
    require_nothing_at_work(unsynced)
    assert "clusters" not in unsynced.sync().materialized
    assert unsynced.submission() == synced_once.submission()
