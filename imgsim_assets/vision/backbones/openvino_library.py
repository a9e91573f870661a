"""OpenVINO, without the package by which it reports each import to its makers, from a process of its own."""

import sys
from typing import Any


def load_openvino() -> Any:  # noqa: ANN401
    """Import OpenVINO, telling nobody."""
    # It does without where that package cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino
