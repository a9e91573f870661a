"""A first sync answers twice: what the first backbone says alone, then the final answer, with the gate between them."""

import json
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from imgsim_assets.definitions import build_definitions
from imgsim_assets.orchestration import sync as syncing
from imgsim_assets.orchestration.early import _is_worth_it, answer_early
from imgsim_assets.orchestration.outcome import SyncOutcome
from imgsim_assets.orchestration.sight import Sight
from imgsim_assets.orchestration.staleness import Record
from imgsim_assets.orchestration.waves import Waves
from imgsim_assets.progress import Headway
from imgsim_assets.serving.provisional import ProvisionalSettings, is_provisional, provisional_settings
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.spending import Spent
from imgsim_tests.workplace import Workplace

PATIENCE = 600  # seconds; a busy machine is no failure
TWO = """
[backbones.small]
uri = "onnx:tiny.onnx"
resize = "crop"
size = 32
mean = [0.4, 0.5, 0.6]
std = [0.25, 0.25, 0.25]
"""


@pytest.fixture
def early(unsynced: Workplace) -> Workplace:
    """A workplace that answers early although its photos are few."""
    with unsynced.config.open("a") as file:
        file.write(f'{TWO}\n[publication]\nearly = "on"\n')
    return unsynced


def sync(workplace: Workplace, *, wait: bool = False) -> tuple[SyncOutcome, list[str]]:
    said: list[str] = []
    with workplace.opened() as (settings, instance):
        made = build_definitions(settings)
        outcome = syncing.sync(made, instance, settings, said.append, None if wait else build_definitions)
    assert outcome.failed == [], outcome.reasons
    return outcome, said


def kill_between(workplace: Workplace) -> Path:
    """Sync in another process, and kill it when the provisional answer is published; give its folder."""
    process = workplace.start("sync")
    deadline = time.monotonic() + PATIENCE
    while not workplace.published.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    told = process.communicate()[1]
    assert workplace.published.exists(), told
    return workplace.published.resolve()


def versions(workplace: Workplace) -> dict[str, str]:
    keys = ["learning_set", "clusters", "ranking_choice", "metric_head", "gallery_vectors", "query_vectors"]
    return {key: workplace.store.artefacts.open(key).manifest.version for key in keys}


def test_the_settings_that_answer_early_have_one_view_of_the_first_backbone_and_try_nothing_out(early: Workplace):
    settings = early.settings({"steps": {"logistic": "on"}})
    alone = provisional_settings(settings)
    assert isinstance(alone, ProvisionalSettings)
    assert {name: one.views for name, one in alone.backbones.items()} == {"tiny": ("rgb",)}
    assert (alone.steps.glrt_set, alone.steps.logistic, alone.steps.ensemble) == ("on", "off", "off")
    assert alone.selection.photos == 0
    assert alone.places == settings.places
    assert Settings.model_validate(alone.model_dump())  # it is possible


class BegunError(Exception):
    """The first answer is worth its time, as far as can be told before."""


def begins(settings: Settings, photos: int = 1000, records: tuple[str, ...] = ()) -> bool:
    """Say whether a first answer is begun."""

    def begin(_: Settings) -> dg.Definitions:
        raise BegunError

    final = SimpleNamespace(settings=settings, folder=SimpleNamespace(entries=range(photos)))
    sight = SimpleNamespace(records=dict.fromkeys(records))
    try:
        return answer_early(final, sight, begin) is not None  # type: ignore[arg-type]
    except BegunError:
        return True


def wishing(tmp_path: Path, early: str) -> Settings:
    overrides = {"places": {"state": str(tmp_path)}, "publication": {"early": early}}
    return load_settings(overrides=overrides, environ={})


@pytest.mark.parametrize(
    ("early", "photos", "begun"),
    [
        ("auto", 100, True),
        ("auto", 99, False),
        ("on", 99, True),
        ("off", 1000, False),
    ],
)
def test_a_first_answer_is_begun_where_it_is_wished_for_or_photos_are_many(
    tmp_path: Path, early: str, photos: int, begun: bool
):
    assert begins(wishing(tmp_path, early), photos) == begun


def test_only_a_first_sync_answers_early(tmp_path: Path):
    settings = wishing(tmp_path, "on")
    assert begins(settings, records=("raw_images",))
    assert not begins(settings, records=("publication",))
    (tmp_path / "published").symlink_to(tmp_path)
    assert not begins(settings)


@pytest.mark.parametrize(("seconds", "worth"), [(2.5, True), (2.4, False), (None, False)])
def test_it_is_worth_it_where_all_views_would_take_ten_seconds(seconds: float | None, worth: bool):
    backbones = {
        "a": {"uri": "onnx:a.onnx", "views": ["rgb", "mirror"]},
        "b": {"uri": "onnx:b.onnx", "views": ["rgb", "mirror"]},
    }
    settings = Settings.model_validate({"backbones": backbones})
    spent = None if seconds is None else Spent(seconds, 99.0)
    sight = SimpleNamespace(records={"embeddings/a": Record("1", None, {}, spent=spent)})
    assert _is_worth_it(sight, settings, "embeddings/a") == worth  # type: ignore[arg-type]
    assert not _is_worth_it(sight, settings, "embeddings/b")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("early", "seconds", "published"), [("auto", 99.0, True), ("auto", 0.1, False), ("on", 0.1, True)]
)
def test_the_first_answer_is_told_and_is_given_up_where_all_views_are_soon_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early: str, seconds: float, published: bool
):
    settings, said, ran = wishing(tmp_path, early), list[str](), list[str]()
    (first, *_) = settings.backbones
    record = Record("1", None, {}, spent=Spent(seconds, 1.0))
    sight = SimpleNamespace(records={f"embeddings/{first}": record}, unsettled=[])

    def run(waves: Waves, _: Sight, wanted: list[str]) -> SimpleNamespace:
        ran.extend(wanted)
        waves.outcome.materialized += wanted
        if wanted == ["publication"]:
            (tmp_path / "published").symlink_to(tmp_path)
        return sight

    monkeypatch.setattr(Waves, "run", run)
    monkeypatch.setattr(Waves, "look", lambda _: sight)
    nothing: Any = SimpleNamespace(entries=range(1000))
    final = Waves(nothing, nothing, settings, nothing, {}, Headway(), said.append)
    answer = answer_early(final, sight, lambda _: nothing)  # type: ignore[arg-type]
    assert ran == [f"embeddings/{first}", *(["publication"] if published else [])]
    assert (answer is not None) == published
    assert final.outcome.materialized == []  # what the final answer has made is another matter
    assert final.steps.part == ""
    if answer is not None:
        assert answer.published == tmp_path.resolve()
        assert f"by {first} alone: {tmp_path / 'published' / 'submission.csv'}; " in said[0]
    else:
        assert said == []


@pytest.mark.slow
def test_two_answers_in_one_sync_and_the_second_is_what_waiting_gives(early: Workplace, tmp_path: Path):
    waiting = Workplace(Path(shutil.copytree(early.folder, tmp_path / "waiting")))
    outcome, said = sync(early)
    assert outcome.early is not None
    assert is_provisional(outcome.early.published)
    assert 0 < outcome.early.seconds < outcome.spent.wall
    told = next(line for line in said if line.startswith("first answer after"))
    assert "by tiny alone" in told
    assert str(early.published / "submission.csv") in told
    assert "provisional: MAP@10" in told

    assert early.published.resolve() != outcome.early.published
    assert not is_provisional(early.published)
    assert "Provisional" not in (early.published / "report.html").read_text()
    gate = early.metadata("publication")["gate"]
    assert "cross-validated MAP@10 at least" in gate  # the final one was held against the provisional one
    with early.opened() as (_, instance):
        embedded = instance.get_runs()
    assert len(embedded) == 3  # first the vectors, then what is below them; then all that the final answer needs
    words = {line.split()[2]: line for line in early.run("versions").out.splitlines()}
    assert sorted("provisional" in line for line in words.values()) == [False, True]
    refused = early.run("rollback", outcome.early.published.name[:8])
    assert (refused.status, "a final publication" in refused.err) == (2, True)

    again, _ = sync(early)
    assert (again.materialized, again.early) == ([], None)

    waited, said = sync(waiting, wait=True)
    assert waited.early is None
    assert not any(line.startswith("first answer") for line in said)
    assert len(list((waiting.state / "publications").glob("[0-9a-f]*"))) == 1
    assert waiting.submission() == early.submission()
    assert versions(waiting) == versions(early)


@pytest.mark.slow
def test_killed_between_them_the_provisional_answer_serves_and_the_next_sync_makes_the_final_one(early: Workplace):
    left = kill_between(early)
    assert is_provisional(left)
    report = (left / "report.html").read_text()
    assert "Provisional, by tiny alone; the final answer takes its place. MAP@10" in report

    status = early.status()
    assert status["publication"].state == "stale"
    assert status["publication"].causes == ("what is published is a provisional answer",)
    assert "it was made for the provisional answer" in status["metric_head"].causes
    assert status["raw_images"].state == "fresh"
    photo = next((early.photos / "test").rglob("*.jpg"))
    found = early.run("search", str(photo))
    assert found.status == 0, found.err
    assert len(found.out.splitlines()) == 10
    assert "provisional" in found.err

    outcome, said = sync(early)
    assert outcome.early is None
    assert not any("first answer" in line for line in said)
    assert early.metadata("embeddings/tiny")["computed"] == 2 * 42  # not the view that was there
    assert not is_provisional(early.published)
    assert early.status()["publication"].state == "fresh"


@pytest.mark.slow
def test_what_fails_in_the_first_answer_does_not_stop_the_final_one(early: Workplace):
    with early.opened() as (settings, instance):
        said: list[str] = []

        def failing(alone: Settings):
            return build_definitions(alone, resources={"require_fresh": _refuse})

        outcome = syncing.sync(build_definitions(settings), instance, settings, said.append, failing)
    assert outcome.failed == []
    assert outcome.early is None
    assert any(line.startswith("no first answer: publication: ") for line in said), said
    assert not is_provisional(early.published)


def _refuse(_instance: object) -> None:
    raise RuntimeError("no luck today")


@pytest.mark.slow
def test_a_small_collection_waits_for_the_final_answer(unsynced: Workplace):
    outcome, _ = sync(unsynced)
    assert outcome.early is None
    assert len(list((unsynced.state / "publications").glob("[0-9a-f]*"))) == 1
    assert json.loads((unsynced.published / "bundle" / "bundle.json").read_bytes()).keys().isdisjoint({"provisional"})
