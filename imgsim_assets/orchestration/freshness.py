"""What is made of many assets is made last: of a mixture of new and old ones nothing may be published."""

from collections.abc import Mapping

import dagster as dg

from imgsim_assets.errors import GateError
from imgsim_assets.orchestration.staleness import Node, Record, ancestors, read_graph, read_records, status_of

SHOWN = 3  # assets; the others are counted


def require_fresh(definitions: dg.Definitions, instance: dg.DagsterInstance, key: str) -> None:
    """Hold up the asset `key`, in a run that was told to make it, until all above it is made.

    Raises:
        GateError: something above it is stale.
    """
    graph = read_graph(definitions)
    waits_for = behind(graph, read_records(instance, graph), key)
    if waits_for:
        named = [f"{one} stale ({why})" for one, why in waits_for.items()]
        more = [f"{len(named) - SHOWN} more"] if len(named) > SHOWN else []
        raise GateError(
            f"all that {key} is made of to be fresh",
            ", ".join(named[:SHOWN] + more),
            "launch the job `sync`, or run `imgsim sync`: both make everything in its turn",
        )


def behind(graph: Mapping[str, Node], records: Mapping[str, Record], key: str) -> dict[str, str]:
    """Say which assets above `key` are stale, and why.

    What has changed in the watched folder since they looked at it does not count.
    """
    above = ancestors(graph, [key]) - {key}
    found = {}
    for one in (one for one in graph if one in above and not graph[one].external):
        seen = records[one].inputs if one in records else {}
        folders = {name: Record(version, None, {}) for name, version in seen.items() if _is_external(graph, name)}
        status = status_of(graph[one], {**records, **folders})
        if status.state != "fresh":
            found[one] = "; ".join(status.causes)
    return found


def _is_external(graph: Mapping[str, Node], key: str) -> bool:
    return key in graph and graph[key].external
