"""The publication waits for all that it is made of, whoever asks for it; as a pure function and in a real run."""

from pathlib import Path

import dagster as dg
import pytest

from imgsim_assets.definitions import build_definitions
from imgsim_assets.errors import GateError
from imgsim_assets.orchestration.freshness import behind, require_fresh
from imgsim_assets.orchestration.staleness import Record
from imgsim_assets.orchestration.waves import MATERIALIZE_JOB
from imgsim_tests.orchestration.test_staleness import CHAIN, all_fresh, node
from imgsim_tests.orchestration.toy import Toy
from imgsim_tests.workplace import Workplace


def test_nothing_is_behind_where_all_is_fresh():
    assert behind(CHAIN, all_fresh(CHAIN), "answer") == {}


def test_what_changed_in_the_folder_since_does_not_count():
    records = all_fresh(CHAIN) | {"folder": Record("a new photo", None, {})}
    assert behind(CHAIN, records, "answer") == {}


@pytest.mark.parametrize("moved", ["raw", "edges", "vectors"])
def test_a_change_far_above_is_seen(moved: str):
    """Its children are stale by Dagster's rule, which looks one hop up; the answer itself is not."""
    records = all_fresh(CHAIN)
    records[moved] = Record("moved", "1", records[moved].inputs)
    found = behind(CHAIN, records, "answer")
    assert found == {key: f"{moved} changed" for key in CHAIN if moved in CHAIN[key].parents and key != "answer"}


def test_what_its_own_record_says_does_not_count_nor_what_lies_below_it():
    assert behind(CHAIN, {**all_fresh(CHAIN), "head": Record("moved", "1", {})}, "vectors") == {}


def test_a_missing_one_and_one_of_other_code_are_behind():
    graph = {**CHAIN, "edges": node("edges", "raw", code="2")}
    records = all_fresh(CHAIN)
    del records["vectors"]
    assert set(behind(graph, records, "answer")) == {"edges", "vectors", "head"}


def test_three_that_are_behind_are_named_and_the_others_counted(tmp_path: Path):
    toy = Toy(tmp_path)
    with pytest.raises(GateError) as refused:
        require_fresh(toy.definitions(), toy.instance, "end")
    words = str(refused.value)
    assert words.count(" stale (") == 3
    assert "; found raw stale (" in words
    assert ", 1 more; to mend: launch the job `sync`" in words
    with pytest.raises(GateError) as refused:
        require_fresh(toy.definitions(), toy.instance, "low")
    assert "more" not in str(refused.value)
    toy.sync()
    require_fresh(toy.definitions(), toy.instance, "end")


@pytest.mark.slow
def test_a_run_by_hand_does_not_publish_a_mixture(synced: Workplace):
    """As "Materialize unsynced" would: the publication is stale with the index, the comparison only after it."""
    before = synced.published.readlink(), synced.metadata("publication")
    chosen = {"annoy": {"trees": 7}}
    with synced.opened(chosen) as (settings, instance):
        definitions = build_definitions(settings)

        def materialize(*keys: str) -> dg.ExecuteInProcessResult:
            return definitions.resolve_job_def(MATERIALIZE_JOB).execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey.from_user_string(key) for key in keys],
                raise_on_error=False,
            )

        assert not materialize("publication").success
        refused = materialize("annoy_index", "publication")
        assert [event.step_key for event in refused.all_events if event.is_step_failure] == ["publication"]
        words = str(refused.failure_data_for_node("publication").error)
        assert "expected all that publication is made of to be fresh; found annoy_neighbors stale" in words
        assert "launch the job `sync`" in words
        assert (synced.published.readlink(), synced.metadata("publication")) == before
        assert materialize(
            "annoy_neighbors", "index_comparison", "evaluation", "retrieval_report", "publication"
        ).success
    assert synced.published.readlink() != before[0]
    assert synced.sync(chosen).materialized == []
