"""What is said of the time: which step, how long so far, and nothing of the time left that nobody knows."""

import io
import logging
import sys
import time
from collections.abc import Callable, Iterator
from unittest import mock

import pytest

from imgsim_assets.assets.keys import CANNY_MAPS, IMAGE_FOLDER, REPORT
from imgsim_assets.definitions import build_definitions
from imgsim_assets.orchestration.outcome import SyncOutcome
from imgsim_assets.orchestration.staleness import ancestors, read_graph
from imgsim_assets.progress import Headway, showing, steps_under_way, track
from imgsim_tests.workplace import Workplace

Forward = Callable[[float], None]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def forward() -> Iterator[Forward]:
    """Set the clock on by so many seconds; else it stands."""
    now = [1000.0]

    def forward(seconds: float) -> None:
        now[0] += seconds

    with mock.patch.object(time, "monotonic", side_effect=lambda: now[0]):
        yield forward


def test_of_steps_that_were_never_done_no_time_left_is_told(forward: Forward):
    steps = Headway()
    steps.expect({"raw": None, "low": None}, {})
    steps.begin("raw")
    forward(5)
    assert steps.in_words() == "step 1 of 2, raw; 0:05"


def test_what_steps_took_before_is_what_they_will_take(forward: Forward):
    steps = Headway()
    steps.expect({"raw": 10.0, "low": 60.0}, {"end": 100.0})
    steps.begin("raw")
    forward(4)
    assert steps.in_words() == "step 1 of up to 3, raw; 0:04, about 2:46 left"
    forward(20)  # longer than before: nothing is owed
    assert steps.in_words() == "step 1 of up to 3, raw; 0:24, about 2:40 left"
    steps.end()
    steps.expect({"low": 60.0}, {})
    steps.begin("low")
    assert steps.in_words() == "step 2 of 2, low; 0:24, about 1:00 left"


def test_where_one_is_not_known_the_others_are_the_least(forward: Forward):
    steps = Headway()
    steps.expect({"raw": 10.0, "low": None}, {})
    steps.begin("raw")
    assert steps.in_words() == "step 1 of 2, raw; 0:00, at least 0:10 left"


def test_a_count_of_now_tells_more_than_the_last_time(forward: Forward):
    steps = Headway()
    steps.expect({"raw": 500.0}, {})
    with showing(steps):
        steps.begin("raw")
        items = track(range(100), "looking")
        for _ in range(10):
            next(items)
            list(track(range(3), "a count inside of it"))
            forward(1)
        next(items)
        assert steps.in_words() == "step 1 of 1, raw; 0:10, about 1:30 left"
        list(items)
        assert steps.in_words() == "step 1 of 1, raw; 0:10, about 8:10 left"
    assert steps_under_way() is None


def test_what_is_not_expected_is_no_step(forward: Forward):
    steps = Headway()
    steps.expect({"raw": None}, {})
    steps.begin("a check")
    forward(3)
    steps.end()
    assert steps.took == {}
    steps.begin("raw")
    forward(2)
    steps.end()
    assert steps.took["raw"].wall == 2
    assert steps.spent().wall == 5


def test_a_log_gets_few_short_lines(forward: Forward, capsys: pytest.CaptureFixture[str]):
    for _ in track(range(600), "looking", unit="file"):
        forward(0.25)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[0] == "  looking: 120 of 600,  4.00file/s, 02:00 left"
    assert max(map(len, lines)) < 80


def test_a_terminal_shows_one_line_and_messages_above_it():
    terminal, steps = Terminal(), Headway()
    steps.expect({"raw": 1000.0}, {})
    logger = logging.getLogger("imgsim")
    with (
        mock.patch.object(sys, "stderr", terminal),
        mock.patch("imgsim_assets.progress.TICK_SECONDS", 0.01),
        mock.patch.object(logger, "handlers", [logging.StreamHandler(terminal)]),
        showing(steps),
    ):
        steps.begin("raw")
        while "step 1 of 1" not in terminal.getvalue():
            time.sleep(0.01)
        logger.warning("something")
    written = terminal.getvalue()
    assert written.count("\n") == 1
    assert "something\n" in written
    assert "step 1 of 1, raw; 0:00, about 16:" in written
    assert written.endswith("\r")  # and nothing of it is left


def test_a_sync_says_where_the_time_went_and_so_does_its_report(first_sync: SyncOutcome, synced_once: Workplace):
    took = first_sync.took
    assert {"raw_images", "embeddings", "ranking_choice", "publication"} <= took.keys()
    assert sum(one.wall for one in took.values()) <= first_sync.spent.wall
    lines = first_sync.in_words().splitlines()
    longest = max(took, key=lambda step: took[step].wall)
    start = next(number for number, line in enumerate(lines) if line.startswith("where the time went"))
    assert lines[start + 1].split() == [longest, f"{took[longest].wall:.1f}", f"{took[longest].cpu:.1f}"]
    report = (synced_once.published / "report.html").read_text(encoding="utf-8")
    told = report.partition("Where the time went")[2]
    graph = read_graph(build_definitions(synced_once.settings()))
    made_before = ancestors(graph, [REPORT, CANNY_MAPS]) - {REPORT, IMAGE_FOLDER}
    places = {key: told.index(f"<td>{key}</td>") for key in graph if f"<td>{key}</td>" in told}
    assert set(places) == made_before
    assert all(places[parent] < places[key] for key in places for parent in graph[key].parents if parent in places)
    assert f"<td>{synced_once.metadata('clusters')['wall_seconds']:.4g}</td>" in told
