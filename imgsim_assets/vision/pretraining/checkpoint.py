"""Checkpoints: one safetensors file with weights, optimiser and progress, replaced as a whole."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def save_checkpoint(path: Path, parts: "nn.Module", optimizer: "Optimizer", losses: list[float]) -> None:
    """Write the state after `len(losses)` steps."""
    from safetensors.torch import save_file

    tensors = {f"weights/{key}": value.contiguous() for key, value in parts.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": moments[key].contiguous() for key in MOMENTS}
    aside = path.with_suffix(".part")
    save_file(tensors, aside, metadata={"losses": json.dumps(losses)})
    aside.replace(path)


def load_checkpoint(path: Path, parts: "nn.Module", optimizer: "Optimizer") -> list[float]:
    """Put the state back and give the losses of the steps done; none when there is no checkpoint."""
    from safetensors import safe_open

    if not path.is_file():
        return []
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
        losses: list[float] = json.loads(file.metadata()["losses"])
    parts.load_state_dict(
        {key.removeprefix("weights/"): value for key, value in tensors.items() if key.startswith("weights/")}
    )
    optimizer.load_state_dict({"state": _moments(tensors), "param_groups": optimizer.state_dict()["param_groups"]})
    return losses


def _moments(tensors: "dict[str, Tensor]") -> "dict[int, dict[str, Tensor]]":
    """Sort the optimiser's tensors by parameter."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = value
    return state
