"""OpenVINO, which runs models on CPUs: ONNX files, and torch modules exported to it."""

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsim_assets.vision.backbones.openvino_library import load_openvino, openvino_core

if TYPE_CHECKING:
    import torch

HINTS = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}


def open_file(path: Path) -> Any:  # noqa: ANN401
    """Read an ONNX file, or one of OpenVINO's own: an OpenVINO model, to be compiled.

    Raises:
        RuntimeError: it is not one.
    """
    return openvino_core().read_model(path)


def export_module(module: "torch.nn.Module", example: "torch.Tensor") -> Any:  # noqa: ANN401
    """Turn a torch module into an OpenVINO model that takes any number of what `example` holds several of.

    By OpenVINO's front end itself: its `convert_model` does the same, and reports that somebody used it. Activations of
    `module` are no longer computed in place: torch takes each of those apart, which doubles the time.

    Raises:
        Exception: torch cannot export it, or OpenVINO lacks an operation.
    """
    import torch

    load_openvino()
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

    for part in module.modules():
        if getattr(part, "inplace", False):
            setattr(part, "inplace", False)  # noqa: B010  mypy takes it for a tensor
    with torch.no_grad(), _quiet():
        exported = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
        front_end = _front_ends().load_by_framework("pytorch")
        decoder = TorchFXPythonDecoder.from_exported_program(exported)  # held by nobody else until it is converted
        return front_end.convert(front_end.load(decoder))


def save_model(model: Any, path: Path) -> None:  # noqa: ANN401
    """Write an OpenVINO model to `path` (.xml) and its weights beside it (.bin), as they are.

    Raises:
        RuntimeError: it cannot be written.
    """
    load_openvino().save_model(model, path, compress_to_fp16=False)


def compile_model(model: Any, output: str | int, precision: str, threads: int) -> Callable[[np.ndarray], np.ndarray]:  # noqa: ANN401
    """Make a function of a model with one input.

    Args:
        model: an OpenVINO model.
        output: name or number of what is wanted of it.
        precision: `float32`, `bfloat16` or `float16`: what it is computed in, as far as the processor can.
        threads: how many it may use.

    Returns:
        From the input's array to the output's, which is the caller's own. Not to be called twice at once.

    Raises:
        RuntimeError: OpenVINO cannot run it.
    """
    settings = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino_core().compile_model(model, "CPU", settings)
    request, wanted = compiled.create_infer_request(), compiled.output(output)

    def run(batch: np.ndarray) -> np.ndarray:
        request.infer({0: batch}, share_inputs=True, share_outputs=True)
        return np.array(request.get_tensor(wanted).data)

    return run


@functools.cache
def _front_ends() -> Any:  # noqa: ANN401
    """Give what reads the models of other frameworks: one, and never let go, as the core is."""
    load_openvino()
    from openvino.frontend import FrontEndManager

    return FrontEndManager()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenVINO's remarks on operations that torch lacks, made through the root logger, from people's terminals."""
    before = logging.root.manager.disable
    handler = logging.NullHandler()  # without any, the first remark would set one up
    logging.root.addHandler(handler)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
        logging.root.removeHandler(handler)
