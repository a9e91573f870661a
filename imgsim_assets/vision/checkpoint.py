"""Checkpoints: one safetensors file with weights, optimiser, progress and their digest, replaced as a whole."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

MOMENTS = ("exp_avg", "exp_avg_sq", "step")
Place = tuple[float, int]


def save_checkpoint(
    path: Path, parts: "nn.Module", optimizer: "Optimizer", losses: list[float], place: Place = (0.0, 0)
) -> None:
    """Write the state after `len(losses)` steps, and the place in the schedule where that cannot be told from them."""
    from safetensors.torch import save_file

    tensors = {f"weights/{key}": value.contiguous() for key, value in parts.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": moments[key].contiguous() for key in MOMENTS}
    progress = json.dumps({"losses": losses, "place": place})
    aside = path.with_suffix(".part")
    save_file(tensors, aside, metadata={"progress": progress, "digest": _digest(tensors, progress)})
    aside.replace(path)


def load_checkpoint(path: Path, parts: "nn.Module", optimizer: "Optimizer") -> tuple[list[float], Place | None]:
    """Put the state back and give the losses of the steps done, and the place; none where no sound checkpoint is."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
            known = file.metadata()
    except (OSError, SafetensorError):  # none yet, or cut
        return [], None
    progress = known.get("progress", "")
    if known.get("digest") != _digest(tensors, progress):
        return [], None
    parts.load_state_dict(
        {key.removeprefix("weights/"): value for key, value in tensors.items() if key.startswith("weights/")}
    )
    optimizer.load_state_dict({"state": _moments(tensors), "param_groups": optimizer.state_dict()["param_groups"]})
    read = json.loads(progress)
    return read["losses"], (read["place"][0], read["place"][1])


def steps_kept(path: Path) -> int:
    """Say how many steps a checkpoint is after; 0 where there is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return len(json.loads(file.metadata()["progress"])["losses"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return 0


def _digest(tensors: "dict[str, Tensor]", progress: str) -> str:
    import torch

    hasher = blake3(progress.encode())
    for key in sorted(tensors):
        hasher.update(key.encode())
        hasher.update(tensors[key].detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return hasher.hexdigest()


def _moments(tensors: "dict[str, Tensor]") -> "dict[int, dict[str, Tensor]]":
    """Sort the optimiser's tensors by parameter."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = value
    return state
