"""What one sync says to a person and to a script."""

import json
from pathlib import Path

import pytest

from imgsim_assets.orchestration.outcome import EarlyAnswer, SyncOutcome
from imgsim_assets.spending import Spent


def test_a_script_is_told_what_was_made_what_failed_and_how_long_it_took():
    outcome = SyncOutcome(["a"], ["b"], ["b: why"], published=Path("published"), spent=Spent(1.23456, 9.0))
    outcome.early = EarlyAnswer(Path("first"), 0.98765)
    assert json.loads(json.dumps(outcome.as_json())) == {
        "materialized": ["a"],
        "failed": ["b"],
        "published": "published",
        "first_answer": {"published": "first", "seconds": 0.988},
        "seconds": 1.235,
    }
    nothing = SyncOutcome().as_json()
    assert (nothing["published"], nothing["first_answer"]) == (None, None)


def test_a_note_is_said_once():
    outcome = SyncOutcome()
    outcome.note(["one", "two"])
    outcome.note(["two", "three"])
    assert outcome.notes == ["one", "two", "three"]


def test_what_failed_is_said_with_its_reasons_and_nothing_else():
    outcome = SyncOutcome(["a"], ["b", "c"], ["b: why", "c: why not"], ["a note"], published=Path("published"))
    assert outcome.in_words() == "failed: b, c\nb: why\nc: why not\na note"


def test_where_nothing_is_stale_and_nothing_published_one_line_says_so():
    assert SyncOutcome(spent=Spent(0.04, 0.0)).in_words() == "all fresh: nothing to materialize in 0.0 s"


def test_the_longest_steps_come_first_and_the_others_are_added_up(tmp_path: Path):
    (tmp_path / "submission.csv").touch()
    took = {f"step {number}": Spent(float(number), number / 2) for number in range(1, 11)}
    outcome = SyncOutcome(["a", "b"], notes=["a note"], published=tmp_path, spent=Spent(60.0, 30.0), took=took)
    lines = outcome.in_words().splitlines()
    assert lines[0] == "materialized 2 assets in 60.0 s"
    assert lines[1].split() == ["where", "the", "time", "went", "seconds", "of", "processors"]
    rows = [line.rsplit(maxsplit=2) for line in lines[2:-3]]
    assert rows[0] == ["  step 10", "10.0", "5.0"]
    assert [name.strip() for name, *_ in rows] == [
        *(f"step {number}" for number in range(10, 2, -1)),
        "2 other steps",
        "between the steps",
    ]
    assert rows[-2][1:] == ["3.0", "1.5"]
    assert rows[-1][1:] == ["5.0", "2.5"]
    assert len({len(line) for line in lines[1:-3]}) == 1  # one below the other
    assert lines[-3] == "a note"
    assert lines[-1] == f"submission: {tmp_path / 'submission.csv'}"


@pytest.mark.parametrize("steps", [1, 8])
def test_a_few_steps_are_all_named(steps: int):
    took = {f"step {number}": Spent(1.0, 1.0) for number in range(steps)}
    said = SyncOutcome(["a"], spent=Spent(9.0, 9.0), took=took).in_words()
    assert "other steps" not in said
    assert all(name in said for name in took)
