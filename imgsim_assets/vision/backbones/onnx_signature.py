"""What an ONNX graph asks for and gives, held against the settings."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from imgsim_assets.errors import SettingsError
from imgsim_assets.settings import Backbone

FLOATS = {"f32": "float32", "f16": "float16", "f64": "float64"}


@dataclass(frozen=True)
class Signature:
    """Names, type and sizes that one graph wants; `batch` is None where any number of photos will do."""

    input: str
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
    feed = _choose(model.inputs, backbone.input, "input", backbone)
    output = _choose(model.outputs, backbone.output, "output", backbone)
    kind = feed.get_element_type().get_type_name()
    if kind not in FLOATS:
        raise SettingsError(
            f"a float input of {backbone.uri}",
            f"{feed.get_any_name()!r} is {kind}",
            "export the model with a float input",
        )
    batch, channels_last, side = _read_shape(feed, backbone)
    return Signature(
        input=feed.get_any_name(),
        output=output.get_any_name(),
        dtype=np.dtype(FLOATS[kind]),
        size=_choose_size(side, backbone),
        batch=batch,
        channels_last=channels_last,
    )


def _choose(offered: list[Any], wanted: str | None, kind: str, backbone: Backbone) -> Any:  # noqa: ANN401
    names = ", ".join(repr(each.get_any_name()) for each in offered)
    if wanted is None:
        if kind == "input" and len(offered) != 1:
            raise SettingsError(
                f"the input of {backbone.uri} that takes the photo", f"inputs {names}", "set `input` to one"
            )
        return offered[0]
    for each in offered:
        if wanted in each.get_names():
            return each
    raise SettingsError(f"{kind} {wanted!r} in {backbone.uri}", f"{kind}s {names}", f"set `{kind}` to one of these")


def _read_shape(feed: Any, backbone: Backbone) -> tuple[int | None, bool, int | None]:  # noqa: ANN401
    """Give batch size, whether channels come last, and side; None where the graph leaves it open."""
    shape = [None if side.is_dynamic else side.get_length() for side in feed.get_partial_shape()]
    match shape:
        case [batch, 3 | None, height, width] if _is_square(height, width):
            return batch, False, height or width
        case [batch, height, width, 3] if _is_square(height, width):
            return batch, True, height or width
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
