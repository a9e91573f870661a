"""The last touch: the mean vector of the training pictures becomes the origin, so that cosines use all directions."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.compact import CompactModel

if TYPE_CHECKING:
    from torch import Tensor, nn

PLACES = {"clip": "tower.vision_model.post_layernorm", "vit_clip": "tower.head.1", "resnet50v2": "head"}
BATCH = 64


def centre(name: str, model: CompactModel, pictures: npt.NDArray[np.uint8]) -> None:
    """Change a bias of the model so that the mean vector of `pictures` is nothing.

    CLIP's projection has no bias; the normalisation before it has one, and what is taken away there
    is taken away from the vector too, since the projection is linear.

    Args:
        name: which backbone.
        model: in evaluation mode; changed in place.
        pictures: uint8 [n, side, side, 3].
    """
    import torch

    last = model.module.get_submodule(PLACES[name])
    seen: list[Tensor] = []

    def collect(_module: "nn.Module", _inputs: "tuple[Tensor, ...]", output: "Tensor") -> None:
        seen.append(output.flatten(1))

    handle = last.register_forward_hook(collect)
    with torch.inference_mode():
        for start in range(0, len(pictures), BATCH):
            model.module(as_input(pictures[start : start + BATCH], model))
    handle.remove()
    bias = last.bias
    with torch.no_grad():
        bias -= torch.cat(seen).mean(dim=0)  # type: ignore[operator]


def as_input(pictures: npt.NDArray[np.uint8], model: CompactModel) -> "Tensor":
    """Resize and normalise whole pictures: float32 [n, 3, size, size]."""
    import torch

    batch = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / 255
    small = torch.nn.functional.interpolate(batch, size=(model.size, model.size), mode="area")
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (model.mean, model.std))
    return (small - mean) / std
