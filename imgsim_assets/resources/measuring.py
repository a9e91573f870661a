"""MLflow for a run: where the settings say it is, and what an asset measures noted there."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from imgsim_assets.errors import ArtefactError
from imgsim_assets.resources.tracked_run import TrackedRun
from imgsim_assets.resources.tracking import ASSET_TAG, Tracking
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import published

MLFLOW_SAYS = "mlflow_says"  # the metadata of an asset of whose measurements MLflow has not all, or that mended it


def tracking_of(settings: Settings) -> Tracking:
    """Give the tracking store of the settings."""
    chosen = settings.tracking
    return Tracking(str(settings.places.state), chosen.uri, chosen.experiment)


@contextmanager
def tracked(context: dg.AssetExecutionContext, tracking: Tracking, key: str) -> Iterator[TrackedRun]:
    """Write what an asset measures to MLflow; what is to be said of that store is logged, and metadata of the asset."""
    tags = {ASSET_TAG: key, "imgsim/sync": context.run.tags.get("imgsim/sync", "")}
    with tracking.run_for(context.run.run_id, tags) as run:
        yield run
    if run.notes:
        said = "; ".join(run.notes)
        context.log.warning(said)
        context.add_asset_metadata({MLFLOW_SAYS: said}, asset_key=dg.AssetKey.from_user_string(key))


def log_files(run: TrackedRun, files: Mapping[str, bytes], folder: str) -> None:
    """Keep these contents with the run, by file name, in `folder` of its artifacts."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in files.items():
            (Path(scratch) / name).write_bytes(content)
            run.log_file(Path(scratch) / name, folder)


def metric_name(name: str) -> str:
    """Spell a name with the characters that MLflow allows."""
    return re.sub(r"[^\w .:-]", "_", name)


def parameters(settings: Settings) -> dict[str, Any]:
    """Spell out the settings that decide the result, one parameter each."""
    return _flat("", settings.model_dump(mode="json", exclude={"places", "runtime", "tracking", "automation"}))


def _flat(prefix: str, tree: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(f"{prefix}{name}.", value) if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def finish_tracking(settings: Settings) -> list[str]:
    """Tell MLflow what processes that died have not, and give what is to be said; called while no run is at work."""
    state, tracking = settings.places.state.absolute(), tracking_of(settings)
    try:
        folder = published(state)
    except ArtefactError:
        return tracking.finish(None, state)
    return tracking.finish(folder.name, layout.head_of(folder))


def leave_tracking(settings: Settings) -> None:
    """End the MLflow runs that this process leaves, because it was asked to stop."""
    tracking_of(settings).kill()
