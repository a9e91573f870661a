"""What was learned serves a few new photos, and nothing that it does not rest on any more."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.retrieval.renewal import Renewal, renewal_policy
from imgsim_assets.settings import Settings

SCHEMA = {"split": pl.String, "content_id": pl.String, "label": pl.String, "near_duplicate_group": pl.UInt32}
Row = tuple[str, str, str | None, int]


def photos(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


LABELLED: list[Row] = [("train", f"{number:04x}", "cat" if number % 2 else "dog", number) for number in range(10)]
OTHERS: list[Row] = [("test", f"{number:04x}", None, number) for number in range(10, 20)]
TAKEN = photos(*LABELLED, *OTHERS)
NEW: Row = ("train", "ffff", None, 77)
STRICT = Renewal(0.1, same_labels=True, same_photos=True)

CASES = {
    "nothing came": ([*LABELLED, *OTHERS], True),
    "other order": ([*OTHERS[::-1], *LABELLED], True),
    "other numbers of the same groups": ([(*row[:3], row[3] + 40) for row in (*LABELLED, *OTHERS)], True),
    "a few without label": ([*LABELLED, *OTHERS, NEW], True),
    "one with a known label": ([*LABELLED, *OTHERS, ("train", "ffff", "cat", 77)], True),
    "the same content in the other split": ([*LABELLED, *OTHERS, ("test", "0001", None, 1)], True),
    "too many": ([*LABELLED, *OTHERS, *(("test", f"fff{number}", None, 70 + number) for number in range(3))], False),
    "too many labels": ([*LABELLED, *OTHERS, *(("train", f"fff{number}", "cat", number) for number in (7, 8))], False),
    "one with a new label": ([*LABELLED, *OTHERS, ("train", "ffff", "cow", 77)], False),
    "one gone": ([*LABELLED, *OTHERS[1:]], False),
    "one gone and one new": ([*LABELLED, *OTHERS[1:], NEW], False),
    "another label": ([("train", "0000", "cat", 0), *LABELLED[1:], *OTHERS], False),
    "a label taken away": ([("train", "0000", None, 0), *LABELLED[1:], *OTHERS], False),
    "moved to the other split": ([*LABELLED, ("train", OTHERS[0][1], None, 10), *OTHERS[1:]], False),
    "two groups joined": ([*LABELLED, *OTHERS[:-1], (*OTHERS[-1][:3], 18)], False),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_learned_stands_or_falls(case: str):
    present, stands = CASES[case]
    assert STRICT.stands(TAKEN, photos(*present)) is stands


def test_without_leave_any_new_photo_is_learned_from():
    at_once = replace(STRICT, share=0.0)
    assert not at_once.stands(TAKEN, photos(*LABELLED, *OTHERS, NEW))
    assert at_once.stands(TAKEN, TAKEN)


def test_without_a_label_the_first_one_counts():
    unlabelled = photos(*OTHERS)
    assert not STRICT.stands(unlabelled, photos(*OTHERS, ("train", "ffff", "cat", 77)))


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["train", "test"]), st.sampled_from("abcdef"), st.sampled_from(["x", "y", None]),
        st.integers(0, 3),
    ),
    max_size=12,
    unique_by=lambda row: row[:3],
)  # fmt: skip


@given(ROWS, ROWS, st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_it_is_the_rule_said_with_sets(taken: list[Row], present: list[Row], renewal: float):
    before, now = ({row[:3]: row[3] for row in rows} for rows in (taken, present))
    came = now.keys() - before.keys()

    def labels(keys):
        return [label for *_, label in keys if label is not None]

    expected = (
        before.keys() <= now.keys()
        and all((before[a] == before[b]) == (now[a] == now[b]) for a in before for b in before)
        and len(came) <= renewal * len(before)
        and len(labels(came)) <= renewal * len(labels(before))
        and set(labels(came)) <= set(labels(before))
    )
    assert replace(STRICT, share=renewal).stands(photos(*taken), photos(*present)) is expected


PAIRS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), max_size=12)


@given(PAIRS, PAIRS, st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_networks_rest_on_the_labels_and_the_choice_on_how_many_changed(before, now, share: float):
    few = len(set(before) ^ set(now)) <= share * len(set(before))
    same = {label for _, label in before} == {label for _, label in now}
    tables = [
        pl.DataFrame(rows, schema={"content_id": pl.String, "label": pl.String}, orient="row") for rows in (before, now)
    ]
    assert Renewal(share).stands(*tables) is few
    assert Renewal(share, same_labels=True).stands(*tables) is (few and same)


def test_the_policy_reads_a_share_for_each_thing_and_rests_on_less_from_one_to_the_next():
    shares = {"learning": {"renewal": 0.2}, "fine_tuning": {"renewal": 0.3}, "selection": {"renewal": 0.4}}
    policy = renewal_policy(Settings.model_validate({**shares, "backbones": {"one": {"uri": "classic:colour"}}}))
    assert [one.share for one in policy] == [0.2, 0.3, 0.4]
    assert [one.same_labels for one in policy] == [True, True, False]
    assert [one.same_photos for one in policy] == [True, False, False]
