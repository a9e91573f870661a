"""What every asset has in common: what it is computed by besides its parents, its owners, threads, and times."""

import datetime as dt
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

import dagster as dg
from pydantic import BaseModel

from imgsim_assets.assets.keys import IMAGES
from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.serving.provisional import mark_of
from imgsim_assets.settings import Settings
from imgsim_assets.spending import Spent, Watch
from imgsim_assets.threads import set_threads

COMPUTED_BY = "computed_by"
REVISION = "revision"
WALL, CPU = "wall_seconds", "cpu_seconds"
OWNERS = ["team:imgsim"]

Part = BaseModel | str | int | float | list[Any] | dict[str, Any]
Compute: TypeAlias = Callable[..., dg.MaterializeResult[Any]]


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


def _marked(computed: Computation, settings: Settings) -> Computation:
    """Let what is made for a provisional answer alone be made anew for the final one."""
    mark = mark_of(settings)
    if not mark:
        return computed
    named: dict[str, Any] = computed["metadata"][COMPUTED_BY].value
    return {
        "code_version": fingerprint(computed["code_version"], mark),
        "metadata": {COMPUTED_BY: dg.MetadataValue.json({**named, **mark})},
    }


def noting(made: dg.MaterializeResult[Any], computed: Computation, spent: Spent) -> dg.MaterializeResult[Any]:
    """Add to what was made by what it was computed, and what its step had spent by then."""
    times = {WALL: round(spent.wall, 3), CPU: round(spent.cpu, 3)}
    return made._replace(metadata={**(made.metadata or {}), **computed["metadata"], **times})


def spent_on(metadata: Mapping[str, Any]) -> Spent | None:
    """Read what was spent on a materialization from its metadata; None: it is older than that is noted."""
    found = [metadata[name].value for name in (WALL, CPU) if name in metadata]
    return Spent(*map(float, found)) if len(found) == len(Spent._fields) else None


def asset(
    settings: Settings,
    key: str,
    computed: Computation,
    *,
    group: str,
    kinds: set[str],
    deps: Sequence[str | dg.AssetKey],
    pool: str | None = None,
    description: str | None = None,
    overdue_after: dt.timedelta | None = None,
) -> Callable[[Compute], dg.AssetsDefinition]:
    """Make an asset of a function; all libraries use the threads of the settings while it runs.

    Args:
        settings: `runtime.threads` is read, and whether they are those of a provisional answer.
        key: the asset's, a slash between its parts.
        computed: by what, besides its parents.
        group: the one it is shown in.
        kinds: what it is made with, as tags in the UI.
        deps: its parents.
        pool: what it waits for a place in.
        description: for the UI; None: the function's docstring.
        overdue_after: the age at which the UI warns of it.
    """
    # What is made of the photos alone serves the final answer as well.
    computed = computed if group == IMAGES else _marked(computed, settings)

    def of(compute: Compute) -> dg.AssetsDefinition:
        @functools.wraps(compute)
        def step(*context: dg.AssetExecutionContext, **resources: Any) -> dg.MaterializeResult[Any]:  # noqa: ANN401
            watch = Watch()
            set_threads(settings.runtime.threads)
            return noting(compute(*context, **resources), computed, watch.spent())

        return dg.asset(
            key=key.split("/"),
            group_name=group,
            kinds=kinds,
            owners=OWNERS,
            deps=deps,
            pool=pool,
            description=description,
            freshness_policy=dg.FreshnessPolicy.time_window(fail_window=overdue_after) if overdue_after else None,
            **computed,
        )(step)

    return of
