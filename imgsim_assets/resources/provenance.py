"""Provenance: by what a thing was computed and what that took, noted with each materialization and read back."""

from collections.abc import Mapping
from typing import Any, TypedDict

import dagster as dg
from pydantic import BaseModel

from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.serving.provisional import mark_of
from imgsim_assets.settings import Settings
from imgsim_assets.spending import Spent

COMPUTED_BY = "computed_by"
REVISION = "revision"
WALL, CPU = "wall_seconds", "cpu_seconds"

Part = BaseModel | str | int | float | list[Any] | dict[str, Any]


class Computation(TypedDict):
    """Keyword arguments of `dg.asset`."""

    code_version: str
    metadata: dict[str, Any]


def computed_by(revision: str, **reads: Part) -> Computation:
    """Name the computation of an asset: the revision of its code, and the settings that it reads.

    The code version is a digest, which says that something changed; the metadata says what, to people and to
    `orchestration.staleness`, and is noted with each materialization.

    Args:
        revision: hand-bumped name of the algorithm, e.g. `"canny/2"`; raised when its output changes.
        reads: exactly the settings that it reads, by the name that people know them by.
    """
    plain = {
        name: part.model_dump(mode="json") if isinstance(part, BaseModel) else part for name, part in reads.items()
    }
    return {
        "code_version": fingerprint(revision, plain),
        "metadata": {COMPUTED_BY: dg.MetadataValue.json({REVISION: revision, **plain})},
    }


def marked(computed: Computation, settings: Settings) -> Computation:
    """Let what is made for a provisional answer alone be made anew for the final one."""
    mark = mark_of(settings)
    if not mark:
        return computed
    return {
        "code_version": fingerprint(computed["code_version"], mark),
        "metadata": {COMPUTED_BY: dg.MetadataValue.json({**computation_in(computed["metadata"]), **mark})},
    }


def noting(made: dg.MaterializeResult[Any], computed: Computation, spent: Spent) -> dg.MaterializeResult[Any]:
    """Add to what was made by what it was computed, and what its step had spent by then."""
    times = {WALL: round(spent.wall, 3), CPU: round(spent.cpu, 3)}
    return made._replace(metadata={**(made.metadata or {}), **computed["metadata"], **times})


def computation_in(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read by what a thing is computed, revision and settings, from its metadata; empty where that is not noted."""
    found = metadata.get(COMPUTED_BY)
    return found.value if isinstance(found, dg.JsonMetadataValue) and isinstance(found.value, dict) else {}


def spent_in(metadata: Mapping[str, Any]) -> Spent | None:
    """Read what was spent on a materialization from its metadata; None: it is older than that is noted."""
    found = [metadata[name].value for name in (WALL, CPU) if name in metadata]
    return Spent(*map(float, found)) if len(found) == len(Spent._fields) else None
