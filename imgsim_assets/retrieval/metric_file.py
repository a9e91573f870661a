"""The GLRT metric as a safetensors file; the same metric gives the same bytes."""

import json
from pathlib import Path

import numpy as np

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.glrt import GlrtMetric

FORMAT = "imgsim-glrt/1"


def save_metric(metric: GlrtMetric, path: Path) -> None:
    """Write `metric` to `path`."""
    from safetensors.numpy import save_file

    tensors = {
        "between": np.ascontiguousarray(metric.between),
        "mean": np.ascontiguousarray(metric.mean),
        "projection": np.ascontiguousarray(metric.projection),
    }
    # One key only: safetensors keeps no order among metadata keys, so two could swap from run to run.
    save_file(tensors, path, metadata={"glrt": json.dumps({"format": FORMAT, "shrinkage": metric.shrinkage})})


def load_metric(path: Path) -> GlrtMetric:
    """Read a metric.

    Raises:
        ArtefactError: the file is absent, damaged, or no GLRT metric.
    """
    from safetensors import SafetensorError, safe_open

    mend = "materialize metric_head again"
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("glrt", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except (OSError, SafetensorError) as error:
        raise ArtefactError(f"a GLRT metric in {path.name}", str(error), mend) from error
    if header.get("format") != FORMAT:
        raise ArtefactError(f"{FORMAT} in {path.name}", str(header.get("format")), mend)
    return GlrtMetric(tensors["mean"], tensors["projection"], tensors["between"], float(header["shrinkage"]))
