"""What an ONNX graph asks for and gives, held against the settings."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from imgsim_assets.errors import SettingsError
from imgsim_assets.settings import Backbone
from imgsim_assets.vision.backbones.openvino_library import load_openvino

VECTORS_NDIM = 2
FLOATS = {"f32": "float32", "f16": "float16", "f64": "float64"}


@dataclass(frozen=True)
class Signature:
    """Names, type and sizes that one graph wants; `batch` is None where any number of photos will do.

    `graph` is the part of the OpenVINO model that makes the output, the only one, of the input, the only one.
    """

    graph: Any
    output: str
    dtype: np.dtype[Any]
    size: int
    batch: int | None
    channels_last: bool


def read_signature(model: Any, backbone: Backbone) -> Signature:  # noqa: ANN401
    """Read the signature of an OpenVINO model.

    Raises:
        SettingsError: a name or a size of the settings is not the graph's.
    """
    output = model.outputs[0] if backbone.output is None else _named(model.outputs, backbone.output, "output", backbone)
    feed = _only_input(model, output, backbone)
    kind = feed.get_element_type().get_type_name()
    if kind not in FLOATS:
        raise SettingsError(
            f"a float input of {backbone.uri}",
            f"{feed.get_any_name()!r} is {kind}",
            "export the model with a float input",
        )
    batch, channels_last, side = _read_shape(feed, backbone)
    return Signature(
        graph=load_openvino().Model([output], [feed.get_node()], "photo to vector"),
        output=output.get_any_name(),
        dtype=np.dtype(FLOATS[kind]),
        size=_choose_size(side, backbone),
        batch=batch or _fixed_batch(output),
        channels_last=channels_last,
    )


def _named(offered: list[Any], wanted: str, kind: str, backbone: Backbone) -> Any:  # noqa: ANN401
    for each in offered:
        if wanted in each.get_names():
            return each
    raise SettingsError(
        f"{kind} {wanted!r} in {backbone.uri}", f"{kind}s {_names(offered)}", f"set `{kind}` to one of these"
    )


def _only_input(model: Any, output: Any, backbone: Backbone) -> Any:  # noqa: ANN401
    """Give the input that the output is made of: photos are all that there is to feed, so it may need no other."""
    asked = None if backbone.input is None else _named(model.inputs, backbone.input, "input", backbone)
    needed = _inputs_behind(model, output)
    if len(needed) != 1:
        said = f"{output.get_any_name()!r} needs {_names(needed) or 'no input'}"
        raise SettingsError(
            f"an output of {backbone.uri} that is made of the photo alone",
            f"{said}; inputs {_names(model.inputs)}, outputs {_names(model.outputs)}",
            "set `output` to another, or export the model with the other inputs' values in it",
        )
    if asked is not None and asked.get_node().get_name() != needed[0].get_node().get_name():
        raise SettingsError(
            f"an output of {backbone.uri} that is made of the input {backbone.input!r}",
            f"{output.get_any_name()!r} is made of {_names(needed)}",
            "set `input` to it, or `output` to another",
        )
    return needed[0]


def _inputs_behind(model: Any, output: Any) -> list[Any]:  # noqa: ANN401
    """List the inputs that an output depends on; values with a default are constants to OpenVINO, and no inputs."""
    seen, waiting = set(), [output.get_node()]
    while waiting:
        node = waiting.pop()
        if node.get_name() not in seen:
            seen.add(node.get_name())
            waiting += [each.get_source_output().get_node() for each in node.inputs()]
    return [each for each in model.inputs if each.get_node().get_name() in seen]


def _names(offered: list[Any]) -> str:
    return ", ".join(repr(each.get_any_name()) for each in offered)


def _fixed_batch(output: Any) -> int | None:  # noqa: ANN401
    """Read off an output [n, d, ...] how many photos the graph's inside is made for; None: any number, or unsaid."""
    shape = output.get_partial_shape()
    if shape.rank.is_dynamic or len(shape) < VECTORS_NDIM or shape[0].is_dynamic:
        return None
    return int(shape[0].get_length())


def _read_shape(feed: Any, backbone: Backbone) -> tuple[int | None, bool, int | None]:  # noqa: ANN401
    """Give batch size, whether channels come last, and side; None where the graph leaves it open."""
    shape = [None if side.is_dynamic else side.get_length() for side in feed.get_partial_shape()]
    match shape:
        case [batch, 3, height, width] if _is_square(height, width):
            return batch, False, height or width
        case [batch, height, width, 3] if _is_square(height, width):
            return batch, True, height or width
        case [batch, None, height, width] if _is_square(height, width):
            return batch, False, height or width
    raise SettingsError(
        f"an input of {backbone.uri} of shape [n, 3, side, side] or [n, side, side, 3]",
        f"{feed.get_any_name()!r} of shape {['?' if side is None else side for side in shape]}",
        "set `input` to the photo's, or export the model with such an input",
    )


def _is_square(height: int | None, width: int | None) -> bool:
    return height is None or width is None or height == width


def _choose_size(side: int | None, backbone: Backbone) -> int:
    if side is None and backbone.size is None:
        raise SettingsError(
            f"the input side of {backbone.uri} in pixels", "neither the settings nor the graph fix it", "set `size`"
        )
    if side is not None and backbone.size not in (None, side):
        raise SettingsError(
            f"size = {side}, which the graph of {backbone.uri} fixes",
            f"size = {backbone.size}",
            "set `size` to it, or leave it out",
        )
    return side or backbone.size or 0
