"""Sync: what lies below a failure is left alone, nothing runs twice, and a killed sync is one that can go on."""

import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster._utils import interrupts
from filelock import FileLock

from imgsim_assets.errors import InputError
from imgsim_assets.orchestration import sync as syncing
from imgsim_assets.storage.state_lock import SyncInProgressError
from imgsim_tests.orchestration.toy import SHAPE, Toy
from imgsim_tests.workplace import Workplace

PUBLISHED = {"bundle", "metrics.json", "report.html", "submission.csv"}


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def test_everything_runs_once_in_order_and_then_nothing(toy: Toy):
    outcome = toy.sync()
    assert sorted(outcome.materialized) == sorted(SHAPE)
    assert sorted(toy.ran) == sorted(SHAPE)
    assert all(toy.ran.index(parent) < toy.ran.index(key) for key in SHAPE for parent in SHAPE[key] if parent in SHAPE)
    assert toy.sync().materialized == []
    assert toy.ran == []


def test_a_failing_asset_stops_what_lies_below_it_only(toy: Toy):
    toy.failing = {"left": RuntimeError("no luck today")}
    outcome = toy.sync()
    assert sorted(outcome.materialized) == ["raw", "right"]
    assert outcome.failed == ["left"]
    assert sorted(toy.ran) == ["left", "raw", "right"]
    assert outcome.person_can_mend is False
    assert any("no luck today" in reason for reason in outcome.reasons)
    assert "failed: left" in outcome.in_words()
    assert outcome.published is None

    toy.failing = {}
    assert toy.sync().materialized == ["left", "low", "end"]
    assert toy.fresh() == SHAPE.keys()


@pytest.mark.parametrize("answers", [True, False])
def test_a_first_answer_comes_before_the_final_one_and_only_where_it_is_asked_for(toy: Toy, monkeypatch, answers: bool):
    asked: list[list[str]] = []
    monkeypatch.setattr(syncing, "answer_early", lambda _waves, _sight, _build: asked.append(list(toy.ran)))
    early = (lambda _: toy.definitions()) if answers else None
    outcome = syncing.sync(toy.definitions(), toy.instance, toy.settings, lambda _: None, early)
    assert asked == ([[]] if answers else [])
    assert outcome.early is None
    assert outcome.materialized == ["raw", "left", "right", "low", "end"]


def test_two_failures_are_both_told(toy: Toy):
    toy.failing = {"low": ValueError("first"), "right": InputError("this", "that", "do so")}
    outcome = toy.sync()
    assert sorted(outcome.failed) == ["low", "right"]
    assert sorted(outcome.materialized) == ["left", "raw"]
    assert "first" in " ".join(outcome.reasons)
    assert "expected this; found that; to mend: do so" in " ".join(outcome.reasons)
    assert outcome.person_can_mend is True


def test_a_failing_asset_of_a_later_wave_stops_the_same(toy: Toy):
    toy.sync()
    toy.code["raw"] = "2"
    toy.content = lambda key: f"new {key}"
    toy.failing = {"left": RuntimeError("later")}
    outcome = toy.sync()
    assert sorted(outcome.materialized) == ["raw", "right"]
    assert outcome.failed == ["left"]
    assert "low" not in toy.ran
    assert "end" not in toy.ran  # it lies below the failure, whatever its other parent did


def test_an_interrupted_step_stops_all_and_not_only_what_lies_below_it(toy: Toy):
    toy.failing = {"left": dg.DagsterExecutionInterruptedError()}
    with pytest.raises(dg.DagsterExecutionInterruptedError):
        toy.sync()
    assert not {"low", "end"} & set(toy.ran)
    assert all(run.is_finished for run in toy.instance.get_runs())
    toy.failing = {}
    toy.sync()
    assert toy.fresh() == SHAPE.keys()


def test_a_signal_between_two_steps_is_not_forgotten(toy: Toy):
    """Where Dagster captures signals and nothing asks for them, as behind the last step of a run, it forgets them."""

    def signalling(key: str) -> str:
        with interrupts.capture_interrupts():
            signal.raise_signal(signal.SIGTERM)
        return key

    toy.content = signalling
    with pytest.raises(dg.DagsterExecutionInterruptedError):
        toy.sync()
    assert all(run.is_finished for run in toy.instance.get_runs())


def test_a_failing_blocking_check_does_not_loop(toy: Toy):
    toy.check_passes = False
    outcome = toy.sync()
    assert toy.ran.count("left") == 1
    assert not {"low", "end"} & set(toy.ran)
    assert outcome.failed == ["low"]
    assert sorted(outcome.materialized) == ["left", "raw", "right"]
    assert any("left_is_good" in reason for reason in outcome.reasons), outcome.reasons


def test_a_failed_blocking_check_holds_what_lies_below_in_later_syncs_too(toy: Toy):
    toy.check_passes = False
    toy.sync()
    later = toy.sync()
    assert toy.ran == []
    assert later.failed == ["low"]
    assert later.reasons == ["low: held back: check left_is_good of left failed"]
    assert "held back: check left_is_good of left failed" in toy.status()["end"].causes

    toy.check_passes, toy.code["left"] = True, "2"
    assert toy.sync().materialized == ["left", "low", "end"]
    assert toy.fresh() == SHAPE.keys()


def test_a_failed_check_does_not_hold_what_is_fresh_or_beside_it(toy: Toy):
    toy.sync()
    toy.check_passes, toy.code["left"], toy.code["right"] = False, "2", "2"
    toy.content = lambda key: "other" if key == "right" else key
    first = toy.sync()
    assert sorted(first.materialized) == ["left", "right"]
    assert first.failed == ["end"]  # right moved, and end lies below left too
    assert toy.fresh() == {"raw", "left", "right", "low"}


def test_a_check_that_never_ended_is_asked_again(toy: Toy):
    toy.check_raises = True
    assert toy.sync().failed == ["low"]
    toy.check_raises = False
    assert toy.status()["left"].causes == ("its check left_is_good never ended",)
    assert toy.sync().materialized == ["left", "low", "end"]


def test_an_asset_that_never_comes_out_the_same_runs_once_a_sync(toy: Toy):
    numbers = itertools.count()
    toy.content = lambda key: f"{key} {next(numbers)}"
    assert sorted(toy.sync().materialized) == sorted(SHAPE)
    assert sorted(toy.ran) == sorted(SHAPE)
    toy.code["raw"] = "2"
    assert sorted(toy.sync().materialized) == sorted(SHAPE)
    assert sorted(toy.ran) == sorted(SHAPE)
    assert toy.sync().materialized == []


def test_an_asset_that_comes_out_unchanged_spares_what_lies_below(toy: Toy):
    toy.sync()
    toy.code["raw"] = "2"
    assert toy.sync().materialized == ["raw"]
    toy.code["left"] = "2"
    toy.content = lambda key: "other" if key == "left" else key
    assert toy.sync().materialized == ["left", "low"]  # low is the same again, so end rests


def test_a_file_that_was_added_is_seen_and_one_that_was_taken_back_too(toy: Toy):
    toy.sync()
    added = toy.settings.places.data / "train" / "more.png"
    added.write_bytes(b"whatever")
    assert toy.fresh() == SHAPE.keys() - {"raw"}
    assert toy.sync().materialized == ["raw"]
    added.unlink()
    assert toy.sync().materialized == ["raw"]


def test_photos_that_came_while_everything_was_lost_are_no_trouble(synced: Workplace):
    (synced.photos / "notes").mkdir()
    shutil.copyfile(synced.photos / "train" / "train_00000.jpg", synced.photos / "train" / "more.jpg")
    shutil.rmtree(synced.state / "artefacts")
    assert synced.status()["raw_images"].causes == ("image_folder changed",)


def test_a_folder_that_cannot_be_used_stops_everything(toy: Toy):
    (toy.settings.places.data / "test").rename(toy.settings.places.data / "tests")
    with pytest.raises(InputError, match="train/ and test/"):
        toy.sync()
    assert toy.ran == []


def test_a_second_sync_leaves_while_the_first_is_at_work(toy: Toy):
    state = toy.settings.places.state
    state.mkdir()
    with (
        FileLock(state / "sync.lock"),
        pytest.raises(SyncInProgressError, match="no other sync or run on this state folder"),
    ):
        toy.sync()
    assert toy.ran == []
    assert toy.sync().materialized  # the lock is free again


def test_the_command_says_so_and_ends_with_status_1(synced: Workplace):
    with FileLock(synced.state / "sync.lock"):
        done = synced.run("sync")
    assert done.status == 1
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert "sync.lock held by one; to mend: wait for it to end, or use another --state" in done.err


@pytest.mark.slow
def test_two_syncs_at_once_are_one_after_the_other(unsynced: Workplace, synced_once: Workplace):
    """Two processes started together: one works, the other leaves and says so; nothing is torn."""
    both = [unsynced.start("sync") for _ in range(2)]
    told = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    (left,) = [words for process, words in zip(both, told, strict=True) if process.returncode == 1]
    assert "sync.lock held by one" in left
    assert unsynced.submission() == synced_once.submission()
    assert unsynced.sync().materialized == []


def whole(workplace: Workplace) -> Path | None:
    """Which publication is in force, or none; never half of one."""
    if not workplace.published.is_symlink():
        return None
    assert {path.name for path in workplace.published.iterdir()} == PUBLISHED
    assert all(len(names) == 10 for names in workplace.lists().values())
    assert len(workplace.lists()) == 12
    return workplace.published.readlink()


def holds_a_file(folder: Path, suffix: str = "") -> bool:
    """Unlike ``rglob``, ``os.walk`` goes on where a folder vanishes while another process works in it."""
    return any(name.endswith(suffix) for _, _, names in os.walk(folder) for name in names)


def kill_when(workplace: Workplace, moment: Callable[[], bool], patience: float = 120.0) -> None:
    process = workplace.start("sync")
    try:
        deadline = time.monotonic() + patience
        while not moment():
            assert process.poll() is None, f"it ended by itself: {process.communicate()[1]}"
            assert time.monotonic() < deadline, "the moment never came"
            time.sleep(0.001)
        process.kill()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_a_killed_sync_can_go_on(unsynced: Workplace, synced_once: Workplace):
    """Killed in the first steps, among the vectors and before the end; then the same bytes as an undisturbed one."""
    state = unsynced.state
    moments: dict[str, Callable[[], bool]] = {
        "its records are being made": lambda: holds_a_file(state, ".db"),
        "the first vectors are being written": lambda: holds_a_file(state / "content" / "vectors"),
        "the report is being made": (state / "artefacts" / "evaluation" / "manifest.json").exists,
    }
    for moment in moments.values():
        kill_when(unsynced, moment)
        assert whole(unsynced) is None
    assert unsynced.sync().materialized[-1] == "publication"
    assert unsynced.submission() == synced_once.submission()
    assert unsynced.sync().materialized == []
    assert not [path for path in state.rglob(".tmp-*") if path.parent.name == "publications"]


@pytest.mark.slow
def test_a_sync_killed_while_it_publishes_leaves_the_old_publication_or_the_new_one(synced: Workplace):
    old, submission = whole(synced), synced.submission()
    publications = synced.state / "publications"
    known = set(publications.iterdir())
    synced.config.write_text(synced.config.read_text().replace("queries = 3", "queries = 2"))
    kill_when(synced, lambda: bool(set(publications.iterdir()) - known))
    found = whole(synced)
    assert found == old or publications / found.name not in known
    assert set(synced.sync().materialized) <= {"retrieval_report", "publication"}
    assert whole(synced) != old
    assert synced.submission() == submission
    assert synced.sync().materialized == []
