"""The staleness rule: as a pure function, and beside Dagster's own resolver on a real instance."""

import warnings
from collections.abc import Mapping

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.orchestration.staleness import (
    AssetStatus,
    Node,
    Record,
    descendants,
    foretell,
    next_wave,
    read_graph,
    read_records,
    statuses_of,
)


def node(key: str, *parents: str, code: str = "1", external: bool = False) -> Node:
    return Node(key, parents, None if external else code, external)


CHAIN = {
    "folder": node("folder", external=True),
    "raw": node("raw", "folder"),
    "edges": node("edges", "raw"),
    "vectors": node("vectors", "raw"),
    "head": node("head", "vectors", "edges"),
    "answer": node("answer", "head", "raw"),
}


def all_fresh(graph: Mapping[str, Node]) -> dict[str, Record]:
    return {
        key: Record(f"v-{key}", each.code_version, {p: f"v-{p}" for p in each.parents}) for key, each in graph.items()
    }


def stale_keys(graph: Mapping[str, Node], records: Mapping[str, Record]) -> set[str]:
    return {key for key, status in statuses_of(graph, records).items() if status.state != "fresh"}


def test_nothing_materialized_is_one_wave_of_everything():
    statuses = statuses_of(CHAIN, {"folder": Record("v", None, {})})
    assert {status.state for status in statuses.values()} == {"missing"}
    assert next_wave(CHAIN, statuses) == ["raw", "edges", "vectors", "head", "answer"]


def test_all_fresh_is_no_wave():
    statuses = statuses_of(CHAIN, all_fresh(CHAIN))
    assert next_wave(CHAIN, statuses) == []
    assert all(status.causes == () for status in statuses.values())


def test_what_is_fresh_below_something_stale_is_told_apart():
    graph = {**CHAIN, "edges": node("edges", "raw", code="2")}
    told = foretell(graph, statuses_of(graph, all_fresh(CHAIN)))
    assert {key: status.state for key, status in told.items()} == {
        "raw": "fresh", "edges": "stale", "vectors": "fresh", "head": "waits", "answer": "waits",
    }  # fmt: skip
    assert told["head"].causes == ("depends on edges, which is stale",)
    assert told["answer"].causes == ("depends on head, which waits",)
    assert foretell(CHAIN, statuses_of(CHAIN, all_fresh(CHAIN))) == statuses_of(CHAIN, all_fresh(CHAIN))


def test_a_code_change_runs_itself_and_waits_to_see_whether_its_data_moves():
    graph = {**CHAIN, "edges": node("edges", "raw", code="2")}
    statuses = statuses_of(graph, all_fresh(CHAIN))
    assert statuses["edges"].state == "stale"
    assert statuses["edges"].causes == ("its settings or its code changed (1 -> 2)",)
    assert next_wave(graph, statuses) == ["edges"]


def test_two_changes_run_a_common_child_once():
    graph = {**CHAIN, "edges": node("edges", "raw", code="2"), "head": node("head", "vectors", "edges", code="2")}
    statuses = statuses_of(graph, all_fresh(CHAIN))
    assert stale_keys(graph, all_fresh(CHAIN)) == {"edges", "head"}
    # head is stale itself, so it runs in the same run, after edges; answer waits for head's data version.
    assert next_wave(graph, statuses) == ["edges", "head"]


def test_causes_name_the_parents():
    records = all_fresh(CHAIN)
    records["raw"] = Record("moved", "1", records["raw"].inputs)
    records["head"] = Record("v-head", "1", {"vectors": "v-vectors", "gone": "v"})
    statuses = statuses_of(CHAIN, records)
    assert statuses["vectors"].causes == ("raw changed",)
    assert set(statuses["head"].causes) == {"gone is no longer an input", "edges is a new input"}


def test_descendants():
    assert list(descendants(CHAIN, ["edges"])) == ["head", "answer"]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Node]:
    size = draw(st.integers(1, 8))
    keys = [f"a{number}" for number in range(size)]
    return {
        key: node(key, *draw(st.sets(st.sampled_from(keys[:place]), max_size=3) if place else st.just(set())))
        for place, key in enumerate(keys)
    }


@given(graph=graphs(), data=st.data())
def test_waves_reach_a_state_where_all_is_fresh_and_run_no_asset_twice(graph, data):
    """Whatever is stale at first and whichever assets come out unchanged, the waves end and are minimal."""
    stale = data.draw(st.sets(st.sampled_from(sorted(graph))))
    unchanged = data.draw(st.sets(st.sampled_from(sorted(graph))))
    records = all_fresh(graph)
    for key in stale:
        records[key] = Record(records[key].data_version, "older", records[key].inputs)
    ran: list[str] = []
    moved: set[str] = set()
    while wave := next_wave(graph, statuses_of(graph, records)):
        for key in wave:
            version = records[key].data_version if key in unchanged else f"{records[key].data_version}'"
            moved |= {key} - unchanged
            inputs = {parent: records[parent].data_version for parent in graph[key].parents}
            records[key] = Record(version, graph[key].code_version, inputs)
        ran += wave
    assert len(ran) == len(set(ran))
    assert set(ran) == stale | {key for key in graph if moved.intersection(graph[key].parents)}
    assert all(status.state == "fresh" for status in statuses_of(graph, records).values())


# ---- beside Dagster's own resolver --------------------------------------------------------------


def small_definitions(code: str = "1", head_parents: tuple[str, ...] = ("vectors",)) -> dg.Definitions:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.observable_source_asset
        def folder() -> dg.DataVersion:
            return dg.DataVersion("unused")

    def asset(name: str, parents: tuple[str, ...], code_version: str) -> dg.AssetsDefinition:
        @dg.asset(name=name, deps=list(parents), code_version=code_version)
        def body() -> None:
            return None

        return body

    return dg.Definitions(
        assets=[
            folder,
            asset("raw", ("folder",), "1"),
            asset("vectors", ("raw",), code),
            asset("edges", ("raw",), "1"),
            asset("head", head_parents, "1"),
        ],
        jobs=[dg.define_asset_job("materialize", dg.AssetSelection.all())],
    )


def materialize(instance: dg.DagsterInstance, definitions: dg.Definitions, *keys: str) -> None:
    selection = [dg.AssetKey(key) for key in keys or ("raw", "vectors", "edges", "head")]
    definitions.resolve_job_def("materialize").execute_in_process(instance=instance, asset_selection=selection)


def observe(instance: dg.DagsterInstance, version: str) -> None:
    instance.report_runless_asset_event(dg.AssetObservation("folder", tags={"dagster/data_version": version}))


def nothing(_instance: dg.DagsterInstance) -> dg.Definitions:
    return small_definitions()


def unobserved(instance: dg.DagsterInstance) -> dg.Definitions:
    materialize(instance, small_definitions())
    return small_definitions()


def observed_later(instance: dg.DagsterInstance) -> dg.Definitions:
    materialize(instance, small_definitions())
    observe(instance, "1")
    return small_definitions()


def all_in_order(instance: dg.DagsterInstance) -> dg.Definitions:
    observe(instance, "1")
    materialize(instance, small_definitions())
    return small_definitions()


def folder_moved(instance: dg.DagsterInstance) -> dg.Definitions:
    definitions = all_in_order(instance)
    observe(instance, "2")
    return definitions


def same_again(instance: dg.DagsterInstance) -> dg.Definitions:
    definitions = all_in_order(instance)
    materialize(instance, definitions, "raw")
    return definitions


def code_changed(instance: dg.DagsterInstance) -> dg.Definitions:
    all_in_order(instance)
    return small_definitions(code="2")


def child_stale(instance: dg.DagsterInstance) -> dg.Definitions:
    definitions = code_changed(instance)
    materialize(instance, definitions, "vectors")
    return definitions


def parent_added(instance: dg.DagsterInstance) -> dg.Definitions:
    all_in_order(instance)
    return small_definitions(head_parents=("vectors", "edges"))


def parent_removed(instance: dg.DagsterInstance) -> dg.Definitions:
    observe(instance, "1")
    materialize(instance, small_definitions(head_parents=("vectors", "edges")))
    return small_definitions()


SCENARIOS = [
    nothing, unobserved, observed_later, all_in_order, folder_moved, same_again,
    code_changed, child_stale, parent_added, parent_removed,
]  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_rule_agrees_with_dagsters_own_resolver(scenario):
    """Dagster's resolver is private; a change there is news for us, and this test brings it."""
    from dagster._core.definitions.data_version import CachingStaleStatusResolver
    from dagster._core.loader import LoadingContextForTest

    with dg.DagsterInstance.ephemeral() as instance:
        definitions = scenario(instance)
        graph = read_graph(definitions)
        ours = statuses_of(graph, read_records(instance, graph))
        resolver = CachingStaleStatusResolver(
            instance, definitions.resolve_asset_graph(), LoadingContextForTest(instance)
        )
        theirs = {key: resolver.get_status(dg.AssetKey(key)).value.lower() for key in ours}
    assert {key: status.state for key, status in ours.items()} == theirs
    assert isinstance(ours["raw"], AssetStatus)
