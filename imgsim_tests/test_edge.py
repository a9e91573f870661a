"""Bad days at the command's edge: every command in every situation says at most one line, and never a traceback."""

import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imgsim_assets.edge import net
from imgsim_assets.errors import ImgsimError, InputError, WorldError
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.storage.vector_rows import vector_rows, vector_schema
from imgsim_assets.world import world_fault, world_fault_in
from imgsim_tests.all_commands import require_lines, run_all
from imgsim_tests.workplace import COMMAND, ROOT, Done, Workplace, clean_environment

UNSHARE = ["unshare", "--mount", "sh", "-c"]
DROPPED = "-dac_override,-dac_read_search"  # without them root is held to what the permissions say
AS_ANYBODY = ["setpriv", f"--bounding-set={DROPPED}", f"--inh-caps={DROPPED}"]


def test_a_state_that_can_be_no_folder(synced: Workplace):
    (synced.folder / "file").write_text("")
    (synced.folder / "dangling").symlink_to("nowhere")
    for name in ("file", "file/below", "dangling", "dangling/below"):
        told = run_all(synced, synced.folder / name)
        require_lines(told, failing=True)
        assert all("a folder for the state at" in done.err for done in told.values() if done.status), name


def test_a_state_whose_name_holds_a_line_break(synced: Workplace):
    require_lines(run_all(synced, synced.folder / "two\nlines"), failing=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["st%20x", "what?", "a#b", "blank and ü", "100%zz", "é&=;+:@'"])
def test_any_name_of_the_state_folder_will_do(synced: Workplace, name: str):
    place = synced.folder / "places"
    place.mkdir()
    moved = synced.state.rename(place / name)
    require_lines(
        run_all(synced, moved, [["home"], ["status"], ["sync"], ["versions"], ["gc", "--yes"]]), failing=False
    )
    assert [path.name for path in place.iterdir()] == [name]
    told = run_all(synced, moved, [["status", "--json"]])["status --json"]
    assert {one["state"] for one in json.loads(told.out).values()} == {"fresh"}


def wrong_homes(folder: Path) -> list[str]:
    (folder / "file").write_text("")
    for name, text in {"no-yaml": "storage: [", "no-config": "storage: {nothing: 1}", "a-list": "- 1"}.items():
        (folder / name).mkdir()
        (folder / name / "dagster.yaml").write_text(text)
    return ["relative", "file", "nowhere", "file/below", "no-yaml", "no-config", "a-list"]


@pytest.mark.slow
def test_a_dagster_home_that_is_none(synced: Workplace, monkeypatch):
    for name in wrong_homes(synced.folder):
        home = name if name == "relative" else str(synced.folder / name)
        monkeypatch.setattr("imgsim_tests.workplace.clean_environment", lambda home=home: {"DAGSTER_HOME": home})
        told = run_all(synced, synced.state, [["status"], ["sync"], ["home"], ["versions"], ["gc", "--yes"]])
        require_lines(told)
        assert all(told[one].status == 2 and "DAGSTER_HOME" in told[one].err for one in ("status", "sync")), name


def test_a_damaged_score_is_no_reason_to_stop(synced: Workplace):
    for text in (b"", b"{", b"[]", b"null", b'{"map_at_10": "x"}', b"\xff"):
        (synced.published / "metrics.json").write_bytes(text)
        require_lines(run_all(synced, synced.state, [["versions"], ["status"]]), failing=False)
        require_lines(run_all(synced, synced.state, [["sync"]]))


def in_a_namespace(workplace: Workplace, script: str, *chosen: str) -> dict[str, Done]:
    """Mount something with `script`, then run the commands in the state folder `state`, where only they see it."""
    if (
        shutil.which("unshare") is None
        or subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this user may not mount anything, even for itself")
    return apart(workplace, [*UNSHARE, f'{script} && exec "$@"', "sh"], *chosen)


def apart(workplace: Workplace, before: list[str], *chosen: str, **variables: str) -> dict[str, Done]:
    """Run the commands in one process of their own."""
    done = subprocess.run(
        [
            *before,
            sys.executable,
            "-m",
            "imgsim_tests.all_commands",
            str(workplace.folder),
            str(workplace.state),
            *chosen,
        ],
        cwd=workplace.folder,
        env={**clean_environment(), "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {command: Done(**one) for command, one in json.loads(done.stdout).items()}


@pytest.mark.slow
def test_a_state_that_is_read_only(synced: Workplace):
    told = in_a_namespace(synced, "mount --bind state state && mount -o remount,ro,bind state")
    require_lines(told)
    for command in ("home", "status", "sync", "rollback 0", "gc --yes"):
        assert "expected a place that can be written" in told[command].err
    for command in ("versions", "compare", "gc"):
        assert told[command].status == 0


@pytest.mark.slow
@pytest.mark.parametrize("size", ["64k", "400k", "700k", "1500k", "3m"])
def test_a_disk_that_is_full(unsynced: Workplace, size: str):
    """Nothing tells a person to remove what was computed well."""
    unsynced.state.mkdir()
    told = in_a_namespace(unsynced, f"mount -t tmpfs -o size={size} none state", "sync", "status", "versions", "gc")
    require_lines({command: done for command, done in told.items() if command != "sync"})
    said = told["sync"]
    assert said.status == 2, said.err
    assert "Traceback" not in said.err
    assert re.search("room on the disk|disk is full|No space left", said.err), said.err
    assert "to mend: remove" not in said.err


@pytest.mark.slow
def test_a_state_that_this_user_may_not_read(synced: Workplace):
    before = [] if os.geteuid() else AS_ANYBODY
    if before and shutil.which(before[0]) is None:
        pytest.skip("root cannot be held to permissions without setpriv")
    for mode in (0o000, 0o500):
        synced.state.chmod(mode)
        try:
            told = apart(synced, before)
        finally:
            synced.state.chmod(0o700)
        require_lines(told)
        for command in ("status", "sync") if mode == 0 else ():  # where nothing is stale, nothing is written
            assert "permission" in told[command].err, told[command].err


def run_with(
    workplace: Workplace, *words: str, prepare: Callable[[], None] | None = None, **variables: str | None
) -> Done:
    """Run the command in a process of its own with other variables (None: absent), and streams that tests choose."""
    changed = {**clean_environment(), "PYTHONPATH": str(ROOT), **variables}
    environment = {name: value for name, value in changed.items() if value is not None}
    done = subprocess.run(
        [*COMMAND, *words, "--config", str(workplace.config)],
        cwd=workplace.folder, env=environment, capture_output=True, text=True, preexec_fn=prepare, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
def test_odd_surroundings_change_nothing(synced: Workplace):
    odd: list[dict[str, str | None]] = [
        {"HOME": None, "TMPDIR": None},
        {"TMPDIR": "/nowhere/at/all", "LC_ALL": "xx_YY"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii", "HOME": "/nowhere"},
    ]
    for variables in odd:
        done = run_with(synced, "sync", **variables)
        assert done.status == 0, done.err
        assert "all fresh" in done.out


@pytest.mark.slow
def test_a_working_directory_that_is_gone(synced: Workplace):
    gone = synced.folder / "gone"

    def leave() -> None:
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()

    for words in (["status"], ["sync"], ["versions"]):
        require_lines({words[0]: run_with(synced, *words, prepare=leave)})


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [300, 600, 1279])
def test_too_little_memory(synced: Workplace, megabytes: int):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))

    done = run_with(synced, "sync", prepare=limit)
    assert done.status in {0, 2}, done.err  # how much is enough depends on the machine
    assert done.status == 0 or "expected enough memory" in done.err.splitlines()[-1], done.err
    assert (f"a limit of {megabytes} MB" in done.err) == (megabytes < 1024)


@pytest.mark.parametrize(("soft", "most", "status"), [(24, 24, 2), (63, 63, 2), (24, 4096, 0)])
def test_too_few_open_files(synced: Workplace, soft: int, most: int, status: int):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))

    done = run_with(synced, "status", prepare=limit)
    assert done.status == status, done.err
    assert ("expected room for 64 open files; found a limit of" in done.err) == (status == 2), done.err


@pytest.mark.slow
def test_streams_that_are_closed_or_full(synced: Workplace):
    for where in (">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full", "| true"):
        line = f'"$@" {where}; true'
        done = subprocess.run(
            ["sh", "-c", line, "sh", *COMMAND, "status", "--config", str(synced.config)],
            cwd=synced.folder, env={**clean_environment(), "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert "Exception ignored" not in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) <= 1, done.stderr


def test_what_nobody_foresaw_is_one_line_and_a_report_without_secrets(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("OUR_TOKEN", "very-secret-token")
    with (
        pytest.raises(ImgsimError, match=r"found KeyError: .*; to mend: send .*\.txt in a report") as caught,
        net(tmp_path),
    ):
        raise KeyError("very-secret-token", "http://me:password@example.org/x", "two\nlines")
    (report,) = (tmp_path / "reports").iterdir()
    text = report.read_text()
    assert "Traceback" in text
    assert "test_edge.py" in text
    assert report.stat().st_mode & 0o077 == 0
    assert "password" not in text
    assert "very-secret-token" not in text
    assert "password" not in str(caught.value)
    assert "very-secret-token" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_place_for_the_report_it_is_one_line_all_the_same(tmp_path: Path, monkeypatch):
    (tmp_path / "reports").write_text("in the way")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "nowhere" / "at" / "all"))
    with pytest.raises(ImgsimError, match="send this line in a report"), net(tmp_path):
        raise KeyError("x")


@pytest.mark.parametrize("line", [["sample", "FILE/below"], ["sample", "FILE"], ["pretrain", "--output", "FILE"]])
def test_an_output_that_can_be_no_folder(unsynced: Workplace, line: list[str]):
    (unsynced.folder / "file").write_text("")
    done = unsynced.run(*[word.replace("FILE", str(unsynced.folder / "file")) for word in line])
    require_lines({line[0]: done}, failing=True)
    assert "report" not in done.err


def test_a_port_that_is_taken(unsynced: Workplace):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = unsynced.run("ui", "--port", str(taken.getsockname()[1]))
    require_lines({"ui": done}, failing=True)
    assert "expected to listen at 127.0.0.1" in done.err


def test_what_is_meant_for_a_person_passes_unchanged(tmp_path: Path):
    meant = InputError("this", "that", "do so")
    with pytest.raises(InputError) as caught, net(tmp_path):
        raise meant
    assert caught.value is meant
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device", "/x"), "room on the disk"),
        (OSError(122, "Disk quota exceeded"), "room on the disk"),
        (OSError("LanceError(IO): Io error: No space left on device (os error 28)"), "room on the disk"),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), "room on the disk"),
        (OSError(30, "Read-only file system", "/x"), "a place that can be written"),
        (PermissionError(13, "Permission denied", "/x"), "the permission"),
        (OSError(24, "Too many open files"), "room for one more open file"),
        (MemoryError(), "enough memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), "enough memory"),
        (OSError(5, "Input/output error"), "a disk that can be read"),
        (OSError(36, "File name too long", "/x"), "a path that can be used"),
    ],
    ids=str,
)  # fmt: skip
def test_faults_of_the_world_are_known_whoever_says_them(error: Exception, expected: str):
    try:
        try:
            raise error
        except Exception as inner:
            raise ValueError("what a library makes of it") from inner
    except ValueError as outer:
        found = world_fault_in(outer)
    assert isinstance(found, WorldError)
    assert found.expected.startswith(expected)
    assert world_fault(f"{type(error).__name__}: {error}") is not None


@pytest.mark.parametrize(
    "error", [KeyError(28), ValueError("a file of 28 photos"), FileNotFoundError(2, "No such", "/x")]
)
def test_other_faults_are_none_of_the_world(error: Exception):
    assert world_fault_in(error) is None


def test_a_full_disk_while_rows_are_stored_is_no_damage_of_the_table(tmp_path: Path, monkeypatch):
    import lance
    import numpy as np

    table = ContentTable(tmp_path / "table", vector_schema(2))

    def full(*_given, **_named):
        raise OSError("LanceError(IO): Execution error: No space left on device (os error 28)")

    monkeypatch.setattr(lance, "write_dataset", full)
    with pytest.raises(WorldError, match="expected room on the disk"):
        table.append(vector_rows(["a"], np.ones((1, 2))))
