"""What making assets took, by Dagster's records."""

import dagster as dg

from imgsim_assets.orchestration.staleness import ancestors, read_graph, read_records
from imgsim_assets.spending import Spent


def times_above(definitions: dg.Definitions, instance: dg.DagsterInstance, key: str, *beside: str) -> dict[str, Spent]:
    """Give what was spent on all above the asset `key`, and on assets `beside` that, when they were last made.

    By asset key, parents before children; one that was never made, or before that was noted, is left out.
    """
    graph = read_graph(definitions)
    told_of = ancestors(graph, [key, *beside]) - {key}
    records = read_records(instance, {one: node for one, node in graph.items() if one in told_of})
    return {one: record.spent for one, record in records.items() if record.spent}
