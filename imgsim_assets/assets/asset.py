"""What every asset has in common: its owners, threads, and what is noted of it."""

import datetime as dt
import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import dagster as dg

from imgsim_assets.assets.keys import IMAGES
from imgsim_assets.resources.provenance import Computation, marked, noting
from imgsim_assets.settings import Settings
from imgsim_assets.spending import Watch
from imgsim_assets.threads import set_threads

OWNERS = ["team:imgsim"]

Compute: TypeAlias = Callable[..., dg.MaterializeResult[Any]]


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
    # What is made of the photos alone serves the final answer as well; so do vectors, which are not made by this.
    computed = computed if group == IMAGES else marked(computed, settings)

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
