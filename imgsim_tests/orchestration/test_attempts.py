"""What failed is not tried again before something changes; what died, three times."""

import pytest

from imgsim_assets.orchestration.attempts import Attempt, Attempts, state_of
from imgsim_assets.orchestration.staleness import Node, Record


def test_what_failed_is_given_up_in_that_state_alone():
    attempts = Attempts(requested=["a"]).after({"a": "failed"}, {"a": "s", "b": "s"})
    assert attempts.requested == []
    assert attempts.given_up({"a": "s", "b": "s"}) == {"a"}
    assert attempts.given_up({"a": "another", "b": "s"}) == set()


@pytest.mark.parametrize(("died", "given_up"), [(1, set()), (2, set()), (3, {"a"}), (4, {"a"})])
def test_what_died_is_tried_three_times(died: int, given_up: set[str]):
    attempts = Attempts()
    for _ in range(died):
        attempts = attempts.after({"a": "interrupted"}, {"a": "s"})
    assert attempts.given_up({"a": "s"}) == given_up


def test_another_state_is_counted_from_the_start_and_what_is_fresh_is_forgotten():
    attempts = Attempts(tried={"a": Attempt(state="old", interrupted=2), "b": Attempt(state="s", failed=True)})
    after = attempts.after({"a": "interrupted"}, {"a": "new"})
    assert after.tried == {"a": Attempt(state="new", interrupted=1)}
    assert Attempts.model_validate_json(after.model_dump_json()) == after


def test_a_failure_does_not_count_as_a_death():
    attempts = Attempts().after({"a": "failed"}, {"a": "s"})
    assert attempts.tried["a"] == Attempt(state="s", interrupted=0, failed=True)


def test_the_state_is_its_code_and_what_its_parents_hold_now():
    records = {"up": Record("1", None, {}), "other": Record("9", None, {})}
    node = Node("a", ("up",), "code", external=False)
    state = state_of(node, records)
    assert state_of(node, {**records, "other": Record("10", None, {})}) == state
    moved = [
        state_of(node, {"up": Record("2", None, {})}),
        state_of(node, {}),
        state_of(Node("a", ("up",), "other", external=False), records),
        state_of(Node("a", ("up", "other"), "code", external=False), records),
    ]
    assert len({state, *moved}) == 5
