"""Which weights are trained, and how fast: the blocks nearest to the output first of all."""

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

WEIGHT_DECAY = 0.05
# A block is known by the last number in a weight's name: `stages.2.blocks.1`, `encoder.layers.11`.
BLOCK = re.compile(r"^(?:.*\.)?\d+(?=\.)|^[^.]+(?:\.[^.]+)?")


def block_of(name: str) -> str:
    """Name the block of a network that a weight belongs to."""
    found = BLOCK.match(name)
    return found.group() if found else name


def layered_groups(module: "nn.Module", rate: float, decay: float, share: float) -> list[dict[str, Any]]:
    """Sort weights into an optimiser's groups, the learning rate falling from the last block to the first.

    Source: discriminative fine-tuning (Howard and Ruder 2018).

    Args:
        module: its weights outside the last `share` of the blocks are frozen.
        rate: of the last block.
        decay: of the rate, from block to block.
        share: of the blocks that are trained, 0 to 1; at least the last one.

    Returns:
        Groups with `params`, `lr`, `weight_decay`; norms, biases and tokens do not decay.
    """
    weights = dict(module.named_parameters())
    blocks = list(dict.fromkeys(block_of(name) for name in weights))
    frozen = len(blocks) - max(1, math.ceil(share * len(blocks)))
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, weight in weights.items():
        depth = blocks.index(block_of(name))
        weight.requires_grad_(depth >= frozen)
        if depth >= frozen:
            groups.setdefault((depth, weight.ndim > 1), []).append(weight)
    return [
        {
            "params": chosen,
            "lr": rate * decay ** (len(blocks) - 1 - depth),
            "weight_decay": WEIGHT_DECAY if decays else 0.0,
        }
        for (depth, decays), chosen in groups.items()
    ]


def train_mode(module: "nn.Module") -> None:
    """Switch to training, but for what is frozen, whose statistics stay, and what draws at random (dropout).

    Randomness is torch's own there, and neither seeded for a step nor kept apart from other trainings.
    """
    module.train()
    for part in module.modules():
        own = list(part.parameters(recurse=False))
        is_leaf = not any(True for _ in part.children())
        if (own or is_leaf) and not any(weight.requires_grad for weight in own):
            part.training = False
