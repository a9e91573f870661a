"""OpenVINO, without the package by which it reports each import to its makers, from a process of its own."""

import functools
import sys
from typing import Any


def load_openvino() -> Any:  # noqa: ANN401
    """Import OpenVINO, telling nobody."""
    # It does without where that package cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


@functools.cache
def openvino_core() -> Any:  # noqa: ANN401
    """Give the one core of this process, which is never let go.

    With a core for each model, libraries that read and run models are loaded and unloaded under what still uses them:
    the process may end with a segmentation fault (openvinotoolkit/openvino#35338).
    """
    return load_openvino().Core()
