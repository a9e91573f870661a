"""Which assets are stale, and which of them to materialize next: one rule, from public Dagster API only.

An asset is fresh when the code version and the data version of every parent that its latest
materialization recorded are the present ones. The rule looks one hop up; `next_wave` walks the graph.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Literal

import dagster as dg

CODE_VERSION_TAG = "dagster/code_version"
DATA_VERSION_TAG = "dagster/data_version"
INPUT_VERSION_PREFIX = "dagster/input_data_version/"
UNOBSERVED = "INITIAL"  # the version that Dagster records for an external parent nobody has observed

State = Literal["fresh", "stale", "missing"]


@dataclass(frozen=True)
class Node:
    """What the graph says of an asset."""

    key: str
    parents: tuple[str, ...]
    code_version: str | None
    external: bool


@dataclass(frozen=True)
class Record:
    """What the latest materialization or observation says of an asset."""

    data_version: str
    code_version: str | None
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class AssetStatus:
    """Whether an asset is up to date and, where it is not, why, in words."""

    key: str
    state: State
    causes: tuple[str, ...] = ()


def read_graph(definitions: dg.Definitions) -> dict[str, Node]:
    """Return the assets of `definitions` by key, parents before children."""
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}
    parents = {key: [dep.asset_key.to_user_string() for dep in spec.deps] for key, spec in specs.items()}
    materializable = {
        key.to_user_string()
        for asset in definitions.assets or []
        if isinstance(asset, dg.AssetsDefinition) and asset.is_executable
        for key in asset.keys
    }
    return {
        key: Node(key, tuple(parents[key]), specs[key].code_version, external=key not in materializable)
        for key in TopologicalSorter(parents).static_order()
    }


def read_records(instance: dg.DagsterInstance, graph: Mapping[str, Node]) -> dict[str, Record]:
    """Return the latest record of each asset that has one."""
    records = {}
    for key, node in graph.items():
        tags = _latest_tags(instance, dg.AssetKey.from_user_string(key), external=node.external)
        if tags is not None:
            records[key] = Record(
                data_version=tags.get(DATA_VERSION_TAG, UNOBSERVED),
                code_version=tags.get(CODE_VERSION_TAG),
                inputs={
                    name.removeprefix(INPUT_VERSION_PREFIX): version
                    for name, version in tags.items()
                    if name.startswith(INPUT_VERSION_PREFIX)
                },
            )
    return records


def _latest_tags(instance: dg.DagsterInstance, key: dg.AssetKey, *, external: bool) -> Mapping[str, str] | None:
    if external:
        observed = instance.fetch_observations(key, limit=1).records
        observation = observed[0].asset_observation if observed else None
        return observation.tags if observation else None
    event = instance.get_latest_materialization_event(key)
    return event.asset_materialization.tags if event and event.asset_materialization else None


def judge(graph: Mapping[str, Node], records: Mapping[str, Record]) -> dict[str, AssetStatus]:
    """Apply the rule to every asset that imgsim can materialize, in the graph's order."""
    return {key: _judge_one(node, records) for key, node in graph.items() if not node.external}


def _judge_one(node: Node, records: Mapping[str, Record]) -> AssetStatus:
    record = records.get(node.key)
    if record is None:
        return AssetStatus(node.key, "missing", ("never materialized",))
    causes = []
    if record.code_version != node.code_version:
        causes.append(f"its settings or its code changed ({record.code_version} -> {node.code_version})")
    # Dagster records parents by slash-separated key, which is also the user string.
    causes += [f"{parent} is no longer an input" for parent in sorted(set(record.inputs) - set(node.parents))]
    for parent in node.parents:
        present = records[parent].data_version if parent in records else UNOBSERVED
        if parent not in record.inputs:
            causes.append(f"{parent} is a new input")
        elif record.inputs[parent] != present:
            causes.append(f"{parent} changed")
    return AssetStatus(node.key, "stale" if causes else "fresh", tuple(causes))


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


def descendants(graph: Mapping[str, Node], keys: Iterable[str]) -> Sequence[str]:
    """Return everything below `keys`, the keys themselves excluded, in the graph's order."""
    reached = set(keys)
    below = []
    for key, node in graph.items():
        if key not in reached and reached.intersection(node.parents):
            reached.add(key)
            below.append(key)
    return below
