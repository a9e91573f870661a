"""The model alone: its forward pass, and how fast this machine's matrix products would allow it to be."""

import numpy as np

from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.backbones.torch_model import TorchBackbone
from imgsim_bench.timing import timed

MATRIX_SIDES = {"cpu": (1024, 1536, 2048), "cuda": (8192,)}
FORWARDS_ON_A_CARD = 50  # one is too short to be timed


def time_forward(model: BackboneModel, framed: np.ndarray) -> float:
    """Give the seconds of one forward pass over framed photos; on a card, of those that are there already."""
    if not isinstance(model, TorchBackbone) or model.device == "cpu":
        return timed(lambda: model.embed(framed))
    import torch

    pixels = torch.from_numpy(framed).to(model.device)

    def forwards() -> None:
        for _ in range(FORWARDS_ON_A_CARD):
            model.network(pixels)
        torch.cuda.synchronize()

    with torch.inference_mode():
        forwards()
        return timed(forwards) / FORWARDS_ON_A_CARD


def multiply_adds(model: BackboneModel, framed: np.ndarray) -> float:
    """Count the multiply-adds of one forward pass of a torch model; 0: it is another."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    if not isinstance(model, TorchBackbone):
        return 0.0
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        model.network(torch.from_numpy(framed).to(model.device))
    return counter.get_total_flops() / 2 / len(framed)


def multiplication_rate(precision: str, device: str) -> float:
    """Measure how many multiply-adds a second torch multiplies square matrices with: the best of several sizes."""
    import torch

    rates = []
    with torch.inference_mode():
        for side in MATRIX_SIDES[device]:
            one, other = (torch.randn(side, side, device=device).to(getattr(torch, precision)) for _ in range(2))

            def multiply(one: torch.Tensor = one, other: torch.Tensor = other) -> None:
                one @ other
                if device == "cuda":
                    torch.cuda.synchronize()

            multiply()
            rates.append(side**3 / min(timed(multiply) for _ in range(5)))
    return float(max(rates))
