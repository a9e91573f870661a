"""Dagster's databases damaged, half made, or killed while they are made: the next command works, and nothing is lost
but records."""

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imgsim_assets.orchestration.records import EVENTS, RUNS, TICKS
from imgsim_tests.workplace import ROOT, Workplace, clean_environment

OPEN = """
import pathlib, sys
from imgsim_assets.orchestration.instance import open_instance
print("ready", flush=True)
open_instance(pathlib.Path(sys.argv[1]))
"""


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def rubbish(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def half_made(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE event_logs (id INTEGER)")
    connection.close()


def header_flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[28:32] = b"\xff\xff\xff\xff"  # the number of pages
    data[100:110] = b"\x00\xff" * 5  # the page of the schema
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("damage", [empty, cut, rubbish, half_made, header_flipped], ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", [RUNS, EVENTS, TICKS])
def test_a_damaged_database_is_put_aside(synced: Workplace, name: str, damage):
    damage(synced.state / name)
    done = synced.run("status")
    assert done.status == 0, done.err
    (line,) = done.err.splitlines()
    assert line.startswith(f"damaged: {name}, moved to ")
    (aside,) = (synced.state / "damaged").glob(f"*/{name}")
    assert aside.is_file()
    assert ("missing" in done.out) == (name == EVENTS)
    again = synced.run("status")
    assert (again.status, again.err) == (0, "")
    assert "damaged" in synced.run("gc").out


@pytest.mark.slow
def test_with_all_records_lost_everything_is_made_again_from_what_is_kept(synced: Workplace):
    submission = synced.submission()
    for name in (RUNS, EVENTS, TICKS):
        rubbish(synced.state / name)
    assert synced.run("sync").status == 0
    assert synced.metadata("embeddings/tiny")["computed"] == 0
    assert synced.metadata("canny_maps")["computed"] == 0
    assert synced.submission() == submission
    assert synced.sync().materialized == []


@pytest.mark.slow
def test_flipped_bytes_never_end_in_a_traceback(synced: Workplace):
    chance = random.Random(0)
    whole = {name: (synced.state / name).read_bytes() for name in (RUNS, EVENTS)}
    for _ in range(6):
        for name, content in whole.items():
            data = bytearray(content)
            for _ in range(200):
                data[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
            (synced.state / name).write_bytes(bytes(data))
        done = synced.run("status")
        assert "Traceback" not in done.err
        assert done.status in {0, 1, 2}
        assert len([line for line in done.err.splitlines() if "to mend: " in line]) == (done.status != 0), done.err


def test_damage_that_sqlite_does_not_see_is_one_line_and_its_advice_helps(synced: Workplace):
    with sqlite3.connect(synced.state / EVENTS) as connection:
        connection.execute("UPDATE event_logs SET event = replace(event, '__class__', '__clXss__')")
    connection.close()
    done = synced.run("status")
    assert done.status == 1
    (line,) = [line for line in done.err.splitlines() if "to mend: " in line]
    assert f"expected whole records of Dagster in {synced.state / 'history'}; found DeserializationError" in line
    (synced.state / "history").rename(synced.folder / "away")
    assert synced.run("status").status == 0


@pytest.mark.slow
def test_killed_at_any_instant_of_the_first_opening_the_next_one_works(tmp_path: Path):
    """Real kills, from before the first file to the end; what was made till then is whole or not there."""
    environment = {**clean_environment(), "PYTHONPATH": str(ROOT)}
    state = tmp_path / "state"
    command = [sys.executable, "-c", OPEN, str(state)]

    def killed_after(seconds: float) -> bool:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    killed = 0
    for count in range(20):
        if count % 4 == 0:
            shutil.rmtree(state, ignore_errors=True)  # the others go on where a killed one left off
        killed += killed_after(0.03 * count)
        for name in (RUNS, EVENTS, TICKS):
            if (state / name).exists():
                with sqlite3.connect(state / name) as connection:
                    assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
                connection.close()
    assert killed >= 5
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
