"""A torch model with its normalisation before it: from framed photos, as they are decoded, to vectors."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imgsim_assets.vision.backbones.pixels import Normalisation
from imgsim_assets.vision.backbones.precision import Chosen

if TYPE_CHECKING:
    import torch


def as_it_is(module: Any, pixels: "torch.Tensor") -> "torch.Tensor":  # noqa: ANN401
    """Call the module."""
    return module(pixels)  # type: ignore[no-any-return]


def build_network(
    module: "torch.nn.Module",
    normalisation: Normalisation | None,
    forward: Callable[[Any, "torch.Tensor"], "torch.Tensor"] = as_it_is,
) -> Any:  # noqa: ANN401  a class that cannot be named before torch is imported
    """Make a module of a model: from n framed photos to float32 [n, d], with the normalisation inside.

    So what a card is sent are bytes, a quarter of the numbers, and what is exported is whole. Its method
    `in_precision` turns the model, not the normalisation, into another dtype.
    """
    import torch

    class Network(torch.nn.Module):
        scale: torch.Tensor
        shift: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.model = module.eval().requires_grad_(False).float().to(memory_format=torch.channels_last)
            self.dtype = torch.float32
            if normalisation is not None:
                self.register_buffer("scale", torch.from_numpy(normalisation.scale))
                self.register_buffer("shift", torch.from_numpy(normalisation.shift))

        def in_precision(self, precision: Chosen) -> "Network":
            self.dtype = getattr(torch, precision)
            self.model = self.model.to(self.dtype)
            return self

        def forward(self, framed: torch.Tensor) -> torch.Tensor:
            pixels = framed
            if normalisation is not None:
                # The channels lie last in memory, where convolutions want them.
                pixels = (framed.float() * self.scale + self.shift).permute(0, 3, 1, 2)
            return forward(self.model, pixels.to(self.dtype)).float()

    return Network().eval()
