"""The metric head as a safetensors file; the same head gives the same bytes."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.calibration import Tuning
from imgsim_assets.retrieval.fine_tuned import FineTunedWeight
from imgsim_assets.retrieval.glrt import GlrtMetric
from imgsim_assets.retrieval.logistic import LogisticClasses
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.recipe import Recipe

FORMAT = "imgsim-head/3"


def save_head(head: MetricHead, path: Path) -> None:
    """Write `head` to `path`."""
    from safetensors.numpy import save_file

    tensors = {
        "axes.axes": head.axes.axes,
        "axes.mean": head.axes.mean,
        "axes.variances": head.axes.variances,
        "classes": head.classes,
        "metric.between": head.metric.between,
        "metric.mean": head.metric.mean,
        "metric.projection": head.metric.projection,
        "sets": head.sets,
    }
    if head.logistic is not None:
        tensors |= {"logistic.weights": head.logistic.weights, "logistic.offsets": head.logistic.offsets}
    about = {"format": FORMAT, "recipe": head.recipe.model_dump(mode="json"), "tuning": asdict(head.tuning)}
    # One key only: safetensors keeps no order among metadata keys, so two could swap from run to run.
    whole = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
    save_file(whole, path, metadata={"head": json.dumps(about)})


def load_head(path: Path) -> MetricHead:
    """Read a metric head.

    Raises:
        ArtefactError: the file is absent, damaged, or no metric head.
    """
    from safetensors import SafetensorError, safe_open

    mend = "materialize metric_head again"
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {}).get("head", "{}"))
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except (OSError, SafetensorError) as error:
        raise ArtefactError(f"a metric head in {path.name}", str(error), mend) from error
    if about.get("format") != FORMAT:
        raise ArtefactError(f"{FORMAT} in {path.name}", str(about.get("format")), mend)
    logistic = None
    if "logistic.weights" in stored:
        logistic = LogisticClasses(stored["logistic.weights"], stored["logistic.offsets"])
    tuning = Tuning(**{**about["tuning"], "fine_tuned": FineTunedWeight(**about["tuning"]["fine_tuned"])})
    return MetricHead(
        recipe=Recipe.model_validate(about["recipe"]),
        axes=PrincipalAxes(stored["axes.mean"], stored["axes.axes"], stored["axes.variances"]),
        metric=GlrtMetric(
            stored["metric.mean"], stored["metric.projection"], stored["metric.between"], tuning.shrinkage
        ),
        sets=stored["sets"],
        classes=stored["classes"],
        logistic=logistic,
        tuning=tuning,
    )
