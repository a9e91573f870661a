"""Our own MLflow store in every odd state: it is mended, or done without, and a person is told."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from imgsim_assets.resources import own_store
from imgsim_assets.resources.registry import CHAMPION, MODEL, PUBLICATION_TAG
from imgsim_assets.resources.tracking import Tracking

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("own store") / "state"
    note(state)
    return state


@pytest.fixture
def state(made_once: Path, tmp_path: Path) -> Path:
    """A store with one run, for each test its own."""
    copied = Path(shutil.copytree(made_once, tmp_path / "state"))
    own_store.make_ready(copied)
    return copied


def tracking(state: Path) -> Tracking:
    return Tracking(state=str(state), experiment="tests")


def note(state: Path, run: str = "r1", value: float = 1.0) -> list[str]:
    """Note a measurement with a file, and give what is to be said."""
    file = state.parent / "note.txt"
    state.mkdir(parents=True, exist_ok=True)
    file.write_text(run)
    with tracking(state).run_for(run, {"dagster/asset_key": "one"}) as tracked:
        tracked.log_metrics({"m": value})
        tracked.log_file(file, "files")
    return tracked.notes


def runs(state: Path) -> dict[str, tuple[str, float | None, str]]:
    """Status, measurement and artifact folder of each run, by its Dagster run."""
    from mlflow import MlflowClient

    client = MlflowClient(own_store.address(state))
    found = client.search_runs([client.get_experiment_by_name("tests").experiment_id])
    return {
        run.data.tags["dagster/run_id"]: (
            run.info.status,
            run.data.metrics.get("m"),
            unquote(urlparse(run.info.artifact_uri).path),
        )
        for run in found
    }


def change(state: Path, *statements: str) -> None:
    with closing(sqlite3.connect(state / "mlflow.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def put_aside(state: Path) -> list[str]:
    return sorted(path.name for path in state.glob("mlflow.db.damaged-*"))


def cut(state: Path) -> None:
    path = state / "mlflow.db"
    path.write_bytes(path.read_bytes()[:300_000])


def flip(state: Path) -> None:
    """In the middle of every page but the first."""
    path = state / "mlflow.db"
    data = bytearray(path.read_bytes())
    for place in range(4096, len(data), 4096):
        data[place : place + 64] = bytes(64 * [0xA5])
    path.write_bytes(data)


def another_file(state: Path) -> None:
    (state / "mlflow.db").write_bytes(b"this is not a database" * 100)


def drop_a_table(state: Path) -> None:
    change(state, "DROP TABLE registered_model_aliases")


def stop_before_the_first_migration(state: Path) -> None:
    change(state, "DROP TABLE alembic_version")


def stop_between_migrations(state: Path) -> None:
    """The tables are those of the last migration, and the revision says one of the first."""
    change(state, "UPDATE alembic_version SET version_num = '451aebb31d03'")


@pytest.mark.parametrize(
    "damage", [cut, flip, another_file, drop_a_table, stop_before_the_first_migration, stop_between_migrations]
)
def test_a_damaged_or_half_made_database_is_put_aside_and_made_anew(state: Path, damage: Callable[[Path], None]):
    damage(state)
    before = (state / "mlflow.db").read_bytes()
    (said,) = note(state, "r2", 2.0)
    (aside,) = put_aside(state)
    assert f"put aside as {aside}" in said
    assert (state / aside).read_bytes() == before
    assert runs(state)["r2"][:2] == ("FINISHED", 2.0)
    assert note(state, "r3") == []
    assert put_aside(state) == [aside]


@pytest.mark.parametrize("how", ["empty", "gone"])
def test_a_database_that_is_empty_or_gone_is_made(state: Path, how: str):
    (state / "mlflow.db").write_bytes(b"") if how == "empty" else (state / "mlflow.db").unlink()
    assert note(state, "r2") == []
    assert set(runs(state)) == {"r2"}


def test_a_database_of_an_older_mlflow_is_migrated_with_all_that_it_holds(state: Path):
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config

    head = revision(state)
    config = _get_alembic_config(own_store.address(state))
    older = own_store._migrations().get_revision(head).down_revision
    command.downgrade(config, older)
    assert revision(state) == older
    (said,) = note(state, "r2", 2.0)
    assert "older MLflow" in said
    assert revision(state) == head
    assert {run: found[1] for run, found in runs(state).items()} == {"r1": 1.0, "r2": 2.0}
    assert put_aside(state) == []


def revision(state: Path) -> str:
    with closing(sqlite3.connect(state / "mlflow.db")) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def test_a_database_of_a_newer_mlflow_is_left_alone(state: Path):
    change(state, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    before = (state / "mlflow.db").read_bytes()
    (said,) = note(state, "r2")
    assert "unknown schema ffffffffffff" in said
    assert "install the MLflow that made it" in said
    assert (state / "mlflow.db").read_bytes() == before


def test_a_locked_database_is_done_without_and_told_later(state: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(own_store, "PATIENCE", 0.1)
    with closing(sqlite3.connect(state / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        (said,) = note(state, "r2")
    assert "database is locked" in said
    assert "the next sync tries again" in said
    assert tracking(state).finish(None, state / "no head") == []
    assert note(state, "r3") == []
    assert "r3" in runs(state)


def test_a_folder_in_the_place_of_the_database_is_done_without(state: Path):
    (state / "mlflow.db").unlink()
    (state / "mlflow.db").mkdir()
    (said,) = note(state, "r2")
    assert "Is a directory" in said


FULL = """
import resource, signal, sys
from pathlib import Path
from imgsim_tests.resources.test_own_store import note
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
state = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
print("|".join(note(state, "r2")))
"""


@pytest.mark.parametrize("made", [True, False])
def test_a_disk_without_room_is_done_without(state: Path, tmp_path: Path, made: bool):
    """The system refuses to let a file grow, as it does on a full disk."""
    folder = state if made else tmp_path / "another"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(folder), "50000"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "not all is noted in MLflow" in done.stdout
    assert note(folder, "r3") == []
    assert runs(folder)["r3"][0] == "FINISHED"
    assert not list(folder.glob(".tmp-*"))


def test_what_a_person_deleted_is_restored_or_made_again(state: Path):
    from mlflow import MlflowClient

    client = MlflowClient(own_store.address(state))
    experiment = client.get_experiment_by_name("tests").experiment_id
    client.delete_run(client.search_runs([experiment])[0].info.run_id)
    client.delete_experiment(experiment)
    shutil.rmtree(state / "mlflow-artifacts")
    (said,) = note(state, "r1", 3.0)
    assert said == "the experiment tests was deleted in MLflow, and is restored"
    assert client.get_experiment_by_name("tests").experiment_id == experiment
    assert runs(state)["r1"][:2] == ("FINISHED", 3.0)


def crowned(state: Path) -> str:
    from mlflow import MlflowClient

    client = MlflowClient(own_store.address(state))
    return client.get_model_version_by_alias(MODEL, CHAMPION).tags[PUBLICATION_TAG]


def forget_the_model(client) -> None:
    client.delete_registered_model(MODEL)


def forget_the_version(client) -> None:
    client.delete_model_version(MODEL, "1")


def forget_the_alias(client) -> None:
    client.delete_registered_model_alias(MODEL, CHAMPION)


@pytest.mark.parametrize("forget", [forget_the_model, forget_the_version, forget_the_alias, None])
def test_a_registry_that_lost_something_is_completed(state: Path, forget: Callable | None):
    from mlflow import MlflowClient

    head = state / "head.bin"
    head.write_bytes(b"head")

    def publish(run: str) -> list[str]:
        with tracking(state).run_for(run, {}) as tracked:
            tracked.register(head, "p1")
            tracked.crown("p1")
        return tracked.notes

    assert publish("r2") == []
    client = MlflowClient(own_store.address(state))
    if forget:
        forget(client)
    else:
        shutil.rmtree(state / "mlflow-artifacts")
    assert publish("r3") == []
    assert crowned(state) == "p1"
    version = client.get_model_version_by_alias(MODEL, CHAMPION)
    assert (Path(unquote(urlparse(version.source).path)) / "head.bin").read_bytes() == b"head"
    assert len(client.search_model_versions(f"name = '{MODEL}'")) == 1


def test_runs_that_died_are_ended_and_the_registry_says_what_is_published(state: Path):
    head = state / "head.bin"
    head.write_bytes(b"head")
    one = tracking(state)
    for died in ("d1", "d2"):
        with one.run_for(died, {}):
            pass
        one.begin(died)
        change(
            state,
            f"UPDATE runs SET status = 'RUNNING' WHERE run_uuid IN (SELECT run_uuid FROM tags WHERE value = '{died}')",
        )
    assert runs(state)["d1"][0] == "RUNNING"
    assert one.finish("p9", head) == []
    assert {found[0] for found in runs(state).values()} == {"FINISHED", "KILLED"}
    assert crowned(state) == "p9"
    assert not (state / "mlflow-unfinished").exists()
    assert one.finish("p8", head) == []  # nothing died since: nothing is asked
    assert crowned(state) == "p9"


def test_a_copied_or_moved_state_folder_writes_to_its_own_place(state: Path, tmp_path: Path):
    here = Path(shutil.copytree(state, tmp_path / "with ä blank" / "state"))
    before = sorted(state.rglob("*"))
    (said,) = note(here, "r2")
    assert (state / "mlflow-artifacts").as_uri() in said
    assert note(here, "r3") == []
    assert sorted(state.rglob("*")) == before
    for run, (_, _, folder) in runs(here).items():
        assert Path(folder).is_relative_to(here / "mlflow-artifacts")
        assert (Path(folder) / "files" / "note.txt").read_text() == run
    moved = here.rename(tmp_path / "moved")
    assert len(note(moved, "r4")) == 1
    assert all(Path(folder).is_relative_to(moved) for _, _, folder in runs(moved).values())


@pytest.mark.parametrize("name", ["a%20b", "a?b#c d", "ä 'b'"])
def test_a_state_folder_of_any_name(tmp_path: Path, name: str):
    assert note(tmp_path / name / "state") == []
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "state" / "mlflow.db").stat().st_size > 0
    assert runs(tmp_path / name / "state")["r1"][:2] == ("FINISHED", 1.0)


# One process imports MLflow and forks the others: an import costs more than all that is killed.
KILLS = """
import os, random, signal, sys, time
from pathlib import Path
from imgsim_tests.resources.test_own_store import note, runs
from imgsim_assets.resources.mlflow_quiet import quietly
quietly()
import mlflow, mlflow.db, mlflow.store.tracking.sqlalchemy_store, mlflow.store.model_registry.sqlalchemy_store

def use(state):
    child = os.fork()
    if child == 0:
        try:
            said = note(state)
            os._exit(len(said) and 3)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            os._exit(4)
    return child

root, rounds, chance = Path(sys.argv[1]), int(sys.argv[2]), random.Random(5)
started = time.monotonic()
assert os.waitpid(use(root / "first"), 0)[1] == 0
whole = time.monotonic() - started
killed, number = 0, 0
while killed < rounds:
    state = root / str(number)
    for _ in range(2):  # a chain: the second finds what the first has left
        child = use(state)
        time.sleep(whole * chance.uniform(0.0, 1.0))
        os.kill(child, signal.SIGKILL)
        killed += os.waitpid(child, 0)[1] == signal.SIGKILL
    assert os.waitstatus_to_exitcode(os.waitpid(use(state), 0)[1]) == 0, (number, list(state.iterdir()))
    assert runs(state)["r1"][:2] == ("FINISHED", 1.0)
    assert not list(state.glob("mlflow.db.damaged-*")) and not list(state.glob(".tmp-*")), list(state.iterdir())
    number += 1
"""


def test_a_first_use_that_is_killed_at_any_moment_leaves_a_store_that_works(tmp_path: Path):
    rounds = int(os.environ.get("IMGSIM_TORTURE_ROUNDS", "6"))
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(tmp_path), str(rounds)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
