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

from imgsim_assets.errors import ArtefactError
from imgsim_assets.orchestration.records import (
    EVENTS,
    RUNS,
    STORAGE,
    TICKS,
    make_whole,
    put_aside_damaged,
    records_fault,
)
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


DAMAGES = [empty, cut, rubbish, half_made, header_flipped]


def make_databases(home: Path) -> None:
    """Three small databases, made to the end as Dagster's are."""
    for name in (
        RUNS,
        EVENTS,
        TICKS,
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(home / name) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES ('1')")
            connection.execute("CREATE TABLE kept (text TEXT)")
            connection.execute("INSERT INTO kept VALUES (?)", ("kept " * 2000,))
        connection.close()


def unstamped(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()


def names_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "damage", [empty, cut, rubbish, half_made, header_flipped, unstamped], ids=lambda one: one.__name__
)
@pytest.mark.parametrize("name", [RUNS, EVENTS, TICKS])
def test_only_what_is_damaged_or_half_made_is_put_aside_with_what_lies_beside_it(
    tmp_path: Path, name: str, damage, caplog
):
    make_databases(tmp_path)
    damage(tmp_path / name)
    (tmp_path / f"{name}-journal").touch()
    put_aside_damaged(tmp_path)
    assert [one for one in (RUNS, EVENTS, TICKS) if not (tmp_path / one).exists()] == [name]
    (aside,) = (tmp_path / "damaged").iterdir()
    assert names_below(aside) == {name, f"{name}-journal"}
    assert f"damaged: {name}, moved to {aside}" in caplog.text


def test_sound_databases_stay_and_nothing_is_said(tmp_path: Path, caplog):
    make_databases(tmp_path)
    put_aside_damaged(tmp_path)
    assert not (tmp_path / "damaged").exists()
    assert caplog.text == ""
    put_aside_damaged(tmp_path / "nowhere")


@pytest.mark.parametrize(("damage", "stays"), [(rubbish, False), (unstamped, True), (empty, True)])
def test_the_database_of_a_run_that_nobody_closed_must_hold_together_only(tmp_path: Path, damage, stays: bool):
    make_databases(tmp_path)
    of_run = tmp_path / "history/runs/abc.db"
    shutil.copyfile(tmp_path / RUNS, of_run)
    damage(of_run)
    put_aside_damaged(tmp_path)
    assert of_run.exists()  # closed: nobody looks
    of_run.with_name("abc.db-wal").touch()
    put_aside_damaged(tmp_path)
    assert of_run.exists() == stays


def test_a_database_that_cannot_be_read_for_another_reason_is_not_put_aside(tmp_path: Path):
    make_databases(tmp_path)
    (tmp_path / TICKS).unlink()
    (tmp_path / TICKS).mkdir()
    with pytest.raises(sqlite3.OperationalError):
        put_aside_damaged(tmp_path)
    assert (tmp_path / TICKS).is_dir()


def test_databases_are_made_elsewhere_and_only_where_they_are_missing(tmp_path: Path):
    made_in: list[Path] = []

    def create(aside: Path) -> None:
        made_in.append(aside)
        make_databases(aside)

    make_whole(tmp_path, create)
    assert tmp_path not in made_in
    assert all((tmp_path / name).is_file() for name in (RUNS, EVENTS, TICKS))
    make_whole(tmp_path, create)
    assert len(made_in) == 1
    (tmp_path / RUNS).write_bytes(b"as it was")
    shutil.rmtree(tmp_path / "schedules")
    make_whole(tmp_path, create)
    assert (tmp_path / TICKS).is_file()
    assert (tmp_path / RUNS).read_bytes() == b"as it was"


def raised(error: Exception, place: str) -> Exception:
    """Raise it in a file of that name, and catch it."""
    try:
        exec(compile("raise error", place, "exec"), {"error": error})
    except Exception as caught:
        return caught
    raise AssertionError


def test_what_cannot_be_read_of_dagsters_records_is_told_by_where_it_was_read(tmp_path: Path):
    inside, outside = f"/lib{STORAGE}runs.py", "/lib/dagster/_core/other.py"
    fault = records_fault(raised(sqlite3.DatabaseError("x" * 400 + "\nmore"), inside), tmp_path)
    assert isinstance(fault, ArtefactError)
    assert fault.expected == f"whole records of Dagster in {tmp_path / 'history'}"
    assert fault.found == f"DatabaseError: {'x' * 400}"[:300]
    assert records_fault(raised(ValueError("no JSON"), inside), None) is not None
    assert records_fault(raised(sqlite3.DatabaseError("x"), outside), tmp_path) is None
    assert records_fault(raised(KeyError("x"), inside), tmp_path) is None


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
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
