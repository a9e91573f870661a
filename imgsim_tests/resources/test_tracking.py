import signal
import sqlite3
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlparse

import pytest

from imgsim_assets.errors import UserError
from imgsim_assets.resources import tracking as tracking_module
from imgsim_assets.resources.tracked_run import TrackedRun
from imgsim_assets.resources.tracking import Tracking

ROOT = Path(__file__).parents[2]


FIRST_USE = """
import sys
from imgsim_assets.resources.tracking import Tracking
tracking = Tracking(experiment="tests", state=sys.argv[1])
if "mlflow" in sys.modules:
    sys.exit("mlflow was imported")
with tracking.run_for("r0", {}) as run:
    run.log_metrics({"m": 1.0})
"""


@pytest.fixture(scope="session")
def first_use(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Make the database once, which takes seconds, in a process; its output, and the names of what it leaves."""
    state = tmp_path_factory.mktemp("tracking")
    command = [sys.executable, "-c", FIRST_USE, str(state)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    done.stdout += ", ".join(sorted({path.name for path in state.iterdir()} - {"mlflow.lock"}))
    return state, done


@pytest.fixture
def tracking(first_use: tuple[Path, subprocess.CompletedProcess[str]]) -> Tracking:
    return Tracking(experiment="tests", state=str(first_use[0]))


def statuses(tracking: Tracking, dagster_run_id: str) -> list[str]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking.address)
    experiment = client.get_experiment_by_name("tests")
    runs = client.search_runs([experiment.experiment_id], f"tags.`dagster/run_id` = '{dagster_run_id}'")
    return [run.info.status for run in runs]


@pytest.mark.slow
def test_the_blocks_of_a_dagster_run_write_to_one_mlflow_run(tracking: Tracking, tmp_path: Path) -> None:
    plot = tmp_path / "plot.svg"
    plot.write_text("<svg/>")
    with tracking.run_for("r1", {"dagster/asset_key": "evaluation", "first": "1"}) as first:
        first.log_params({"canny.low": "auto", "folds": 5})
        first.log_metrics({"map_at_10": 0.5})
        assert statuses(tracking, "r1") == ["RUNNING"]
    with tracking.run_for("r1", {"dagster/asset_key": "report", "second": "2"}) as second:
        second.log_params({"folds": 5})
        second.log_file(plot, "plots")
    assert second.run_id == first.run_id
    assert statuses(tracking, "r1") == ["FINISHED"]
    run = second.client.get_run(first.run_id)
    assert run.data.params == {"canny.low": "auto", "folds": "5"}
    assert run.data.metrics == {"map_at_10": 0.5}
    assert run.data.tags["first"] == "1"
    assert run.data.tags["second"] == "2"
    kept = Path(urlparse(run.info.artifact_uri).path) / "plots" / "plot.svg"
    assert kept.read_text() == "<svg/>"
    assert Path(tracking.state) / "mlflow-artifacts" in kept.parents
    with tracking.run_for("r2", {}) as other:
        assert other.run_id != first.run_id


@pytest.mark.slow
def test_a_run_is_failed_until_the_asset_that_failed_succeeds(tracking: Tracking) -> None:
    def block(asset: str, error: BaseException | None) -> list[str]:
        with (
            pytest.raises(type(error)) if error else nullcontext(),
            tracking.run_for("r3", {"dagster/asset_key": asset}),
        ):
            if error:
                raise error
        return statuses(tracking, "r3")

    assert block("one", None) == ["FINISHED"]
    assert block("two", RuntimeError("stopped")) == ["FAILED"]
    assert block("one", None) == ["FAILED"]
    assert block("two", None) == ["FINISHED"]
    assert block("two", KeyboardInterrupt()) == ["KILLED"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["_enter", "_leave"])
def test_an_interrupt_while_a_run_is_made_or_ended_leaves_none_running(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    owner = Tracking if moment == "_enter" else tracking_module
    before = getattr(owner, moment)

    def interrupted(*arguments: object) -> object:
        signal.raise_signal(signal.SIGINT)
        done = before(*arguments)
        signal.raise_signal(signal.SIGINT)
        return done

    monkeypatch.setattr(owner, moment, interrupted)
    with pytest.raises(KeyboardInterrupt), tracking.run_for(f"r7{moment}", {}):
        pass
    assert statuses(tracking, f"r7{moment}") == ["KILLED"]


@pytest.mark.slow
def test_a_process_that_is_about_to_end_kills_the_runs_that_it_leaves(tracking: Tracking) -> None:
    with tracking.run_for("r8", {}):
        tracking.kill()
        assert statuses(tracking, "r8") == ["KILLED"]


@pytest.mark.slow
def test_metrics_must_be_numbers_and_params_do_not_change(tracking: Tracking) -> None:
    with tracking.run_for("r4", {}) as run:
        with pytest.raises(ValueError, match="not finite: share"):
            run.log_metrics({"share": float("nan"), "fine": 1.0})
        run.log_params({"low": 1})
        client = run.client
        run.log_params({"low": 2})
        assert "not all is noted in MLflow" in run.notes[0]
    assert client.get_run(run.run_id).data.metrics == {}
    assert client.get_run(run.run_id).data.params == {"low": "1"}
    with pytest.raises(ValueError, match="not a Dagster run id"), tracking.run_for("r' or '", {}):
        pass


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    unreachable = Tracking(uri="http://127.0.0.1:9", state=str(tmp_path))
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9 to answer.*tracking\.uri"), unreachable.run_for("r5", {}):
        pytest.fail("the block must not be entered")


def test_what_a_store_says_is_one_line(tmp_path: Path) -> None:
    run = TrackedRun("sqlite:///x", own=True, strict=False)

    def fill() -> None:
        raise sqlite3.OperationalError("disk is full\n[SQL: CREATE TABLE x (\n\tid INTEGER\n)]")

    run.attempt(fill)
    [note] = run.notes
    assert "disk is full [SQL: CREATE TABLE x ( id INTEGER )]" in note


@pytest.mark.slow
def test_a_database_whose_driver_is_not_installed_is_a_clear_error(tmp_path: Path) -> None:
    without = Tracking(uri="mssql+pyodbc://ann:s3cretpw@127.0.0.1/x", state=str(tmp_path))
    wanted = r"//\*\*\*@127\.0\.0\.1/x to answer.*No module named 'pyodbc'.*to mend: install"
    with pytest.raises(UserError, match=wanted), without.run_for("r6", {}):
        pytest.fail("the block must not be entered")
    assert "No module named 'pyodbc'" in " ".join(without.finish(None, tmp_path))


@pytest.mark.slow
def test_nothing_is_printed_and_mlflow_is_imported_on_use_only(
    first_use: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = first_use
    assert (done.returncode, done.stdout, done.stderr) == (0, "mlflow.db", "")
