"""Which assets are stale, and which of them to materialize next: one rule, from public Dagster API only.

An asset is fresh when the code version and the data version of every parent that its latest
materialization recorded are the present ones. The rule looks one hop up; `next_wave` walks the graph. What makes an
asset stale besides (a claim that is broken, a photo that was away) is added by `sight.look`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any, Literal

import dagster as dg

from imgsim_assets.orchestration.causes import differences
from imgsim_assets.resources.provenance import computation_in, spent_in
from imgsim_assets.serving.provisional import MARK
from imgsim_assets.spending import Spent

CODE_VERSION_TAG = "dagster/code_version"
DATA_VERSION_TAG = "dagster/data_version"
INPUT_VERSION_PREFIX = "dagster/input_data_version/"
UNOBSERVED = "INITIAL"  # the version that Dagster records for an external parent nobody has observed

VERBS = {"waits": "waits", "stale": "is stale", "missing": "is missing"}
State = Literal["fresh", "waits", "stale", "missing"]  # waits: fresh, and below something that is not


@dataclass(frozen=True)
class Node:
    """What the graph says of an asset; `step` is what computes it in a run, alone or with others."""

    key: str
    parents: tuple[str, ...]
    code_version: str | None
    external: bool
    computed_by: Mapping[str, Any] = field(default_factory=dict)
    step: str = ""


@dataclass(frozen=True)
class Record:
    """What the latest materialization or observation says of an asset."""

    data_version: str
    code_version: str | None
    inputs: Mapping[str, str]
    computed_by: Mapping[str, Any] = field(default_factory=dict)
    spent: Spent | None = None


@dataclass(frozen=True)
class AssetStatus:
    """Whether an asset is up to date and, where it is not, why, in words."""

    key: str
    state: State
    causes: tuple[str, ...] = ()


def read_graph(definitions: dg.Definitions) -> dict[str, Node]:
    """Return the assets of `definitions` by key, parents before children, in an order that is always the same."""
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    parents = {key: [dep.asset_key.to_user_string() for dep in spec.deps] for key, spec in specs.items()}
    steps = {
        key.to_user_string(): asset.op.name
        for asset in definitions.assets or []
        if isinstance(asset, dg.AssetsDefinition) and asset.is_executable
        for key in asset.keys
    }
    return {
        key: Node(
            key,
            tuple(parents[key]),
            specs[key].code_version,
            external=key not in steps,
            computed_by=computation_in(specs[key].metadata),
            step=steps.get(key, ""),
        )
        for key in TopologicalSorter({key: sorted(parents[key]) for key in sorted(parents)}).static_order()
    }


def read_records(instance: dg.DagsterInstance, graph: Mapping[str, Node]) -> dict[str, Record]:
    """Return the latest record of each asset that has one."""
    records = {}
    latest_of = _latest(instance, graph)
    for key in graph:
        if (latest := latest_of.get(key)) is not None:
            tags = latest.tags or {}
            records[key] = Record(
                data_version=tags.get(DATA_VERSION_TAG, UNOBSERVED),
                code_version=tags.get(CODE_VERSION_TAG),
                inputs={
                    name.removeprefix(INPUT_VERSION_PREFIX): version
                    for name, version in tags.items()
                    if name.startswith(INPUT_VERSION_PREFIX)
                },
                computed_by=computation_in(latest.metadata),
                spent=spent_in(latest.metadata),
            )
    return records


def _latest(
    instance: dg.DagsterInstance, graph: Mapping[str, Node]
) -> Mapping[str, dg.AssetMaterialization | dg.AssetObservation | None]:
    """Ask once for all materializations: a question for each asset costs as much as all of them."""
    keys = {key: dg.AssetKey.from_user_string(key) for key in graph}
    made = instance.get_asset_records([keys[key] for key, node in graph.items() if not node.external])
    entries = [(record.asset_entry.asset_key, record.asset_entry.last_materialization) for record in made]
    made_of = {key.to_user_string(): entry.asset_materialization for key, entry in entries if entry}
    seen = {
        key: instance.fetch_observations(keys[key], limit=1).records for key, node in graph.items() if node.external
    }
    return made_of | {key: records[0].asset_observation for key, records in seen.items() if records}


def read_checks(definitions: dg.Definitions, instance: dg.DagsterInstance) -> tuple[dict[str, str], dict[str, str]]:
    """Look at how each blocking check ended when it was last run.

    Dagster holds back what lies below a failed check inside one run only; a later run would pass it by.

    Returns:
        Two mappings from asset keys to words: the assets with a check that failed, and those with a check that never
        ended, because it raised or its run was killed.
    """
    failed, unended = {}, {}
    for spec in (spec for checks in definitions.asset_checks or [] for spec in checks.check_specs if spec.blocking):
        asset = spec.asset_key.to_user_string()
        record = instance.get_latest_asset_check_evaluation_record(spec.key)
        if record is None:
            continue
        if record.status.value == "FAILED":
            failed[asset] = f"check {spec.name} of {asset} failed"
        elif record.status.value == "PLANNED":
            run = instance.get_run_by_id(record.run_id)
            if run is None or run.is_finished:
                unended[asset] = f"its check {spec.name} never ended"
    return failed, unended


def statuses_of(graph: Mapping[str, Node], records: Mapping[str, Record]) -> dict[str, AssetStatus]:
    """Apply the rule to every asset that imgsim can materialize, in the graph's order."""
    return {key: status_of(node, records) for key, node in graph.items() if not node.external}


def status_of(node: Node, records: Mapping[str, Record]) -> AssetStatus:
    """Apply the rule to one asset."""
    record = records.get(node.key)
    if record is None:
        return AssetStatus(node.key, "missing", ("never materialized",))
    causes = []
    if MARK in record.computed_by and MARK not in node.computed_by:
        causes.append("it was made for the provisional answer")
    elif record.code_version != node.code_version:
        said = differences(record.computed_by, node.computed_by) if record.computed_by and node.computed_by else []
        causes += said or [f"its settings or its code changed ({record.code_version} -> {node.code_version})"]
    # Dagster records parents by slash-separated key, which is also the user string.
    causes += [f"{parent} is no longer an input" for parent in sorted(set(record.inputs) - set(node.parents))]
    for parent in node.parents:
        present = records[parent].data_version if parent in records else UNOBSERVED
        if parent not in record.inputs:
            causes.append(f"{parent} is a new input")
        elif record.inputs[parent] != present:
            causes.append(f"{parent} changed")
    return AssetStatus(node.key, "stale" if causes else "fresh", tuple(causes))


def foretell(graph: Mapping[str, Node], statuses: Mapping[str, AssetStatus]) -> dict[str, AssetStatus]:
    """Tell what is fresh from what may not be for long: it lies below something that the next sync makes."""
    told: dict[str, AssetStatus] = {}
    for key in (key for key in graph if key in statuses):
        above = [told[parent] for parent in graph[key].parents if parent in told and told[parent].state != "fresh"]
        if statuses[key].state == "fresh" and above:
            causes = [f"depends on {one.key}, which {VERBS[one.state]}" for one in above]
            told[key] = AssetStatus(key, "waits", tuple(causes))
        else:
            told[key] = statuses[key]
    return told


def next_wave(graph: Mapping[str, Node], statuses: Mapping[str, AssetStatus]) -> list[str]:
    """Choose the assets to materialize in one run: every stale one whose fate is already decided.

    An asset below a chosen one waits, unless it is stale itself: the chosen parent may come out with the
    same data version, and then nothing below it has to run. When all are missing, all are chosen.
    """
    chosen: set[str] = set()
    undecided: set[str] = set()
    for key, node in graph.items():
        if undecided.intersection(node.parents):
            undecided.add(key)
        elif key in statuses and statuses[key].state != "fresh":
            chosen.add(key)
        elif chosen.intersection(node.parents):
            undecided.add(key)
    return [key for key in graph if key in chosen]


def ancestors(graph: Mapping[str, Node], keys: Iterable[str]) -> set[str]:
    """Return everything above `keys`, the keys themselves included."""
    reached = set(keys)
    for key in reversed(list(graph)):
        if key in reached:
            reached.update(graph[key].parents)
    return reached


def descendants(graph: Mapping[str, Node], keys: Iterable[str]) -> Sequence[str]:
    """Return everything below `keys`, the keys themselves excluded, in the graph's order."""
    reached = set(keys)
    below = []
    for key, node in graph.items():
        if key not in reached and reached.intersection(node.parents):
            reached.add(key)
            below.append(key)
    return below
