"""The training loop: seeded by step, so that it can stop and go on with the same result."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.augmentation import Changes, augment
from imgsim_assets.vision.checkpoint import load_checkpoint, save_checkpoint
from imgsim_assets.vision.fine_tuning.batches import Ints, photos_of_step, steps_an_epoch
from imgsim_assets.vision.fine_tuning.layers import layered_groups, train_mode
from imgsim_assets.vision.fine_tuning.objective import PairLoss, build_objective
from imgsim_assets.vision.learning_rate import share_of_rate

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

BATCH = 64
CHECKPOINT_EVERY = 30.0  # seconds
LARGEST_GRADIENT = 1.0
DIRECTION_RATE = 5e-3  # the classes' directions start from nothing
PROBED_STEPS = 4
CHANGES = Changes(smallest=0.75, largest=1.1, turn=0.12, any_colour=False)


StepsLeft: TypeAlias = Callable[[int, int], int]  # of steps taken, and left as planned


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos framed a little larger than the model looks at, and their classes.

    `pixels` are uint8 [m, side, side, 3], which several lessons may share; `rows` int64 [n] are those of this one, and
    `classes` int64 [n] theirs.
    """

    pixels: npt.NDArray[np.uint8]
    rows: Ints
    classes: Ints


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    Attributes:
        classes: how many there are.
        size: side of what the model looks at, in pixels.
        steps: batches in all.
        rate: of the last block; it rises over a twentieth of the steps, and falls to nothing.
        decay: of the rate, from block to block.
        share: of the blocks that are trained.
        halved: compute in bfloat16.
        seed: of the batches and the views.
    """

    classes: int
    size: int
    steps: int
    rate: float
    decay: float = 1.0
    share: float = 1.0
    halved: bool = False
    seed: int = 0


def fine_tune(
    network: Any,  # noqa: ANN401  see `build_network`
    photos: LabelledPhotos,
    plan: Plan,
    pair_loss: PairLoss,
    checkpoint: Path,
    *,
    steps_left: StepsLeft = lambda _done, left: left,
) -> Generator[float, None, None]:
    """Train a network in place, step by step, from its checkpoint if there is one.

    Args:
        network: from n framed photos [n, size, size, 3], values 0 to 255, to vectors [n, d].
        photos: that it learns from.
        plan: how.
        pair_loss: see `objective`.
        checkpoint: file that is written now and then and where the iterator is closed, and read first.
        steps_left: asked after each step; with fewer than planned the rate falls faster, and to nothing all the same.

    Yields:
        The loss of each step, those taken before an interruption at once. After the last one the network is in
        evaluation mode, and has `directions`, float [c, d].
    """
    parts, optimizer = _assemble(network, plan, pair_loss)
    losses, place = load_checkpoint(checkpoint, parts, optimizer)
    yield from losses
    at, left = place or (0.0, plan.steps)
    left = steps_left(len(losses), left)
    saved = time.monotonic()
    while left > 0:
        losses.append(_step(parts, optimizer, photos, plan, (len(losses), at)))
        at += (plan.steps - at) / left  # 1 exactly, as long as all steps that were planned are left
        left = steps_left(len(losses), left - 1)
        if left == 0 or time.monotonic() - saved >= CHECKPOINT_EVERY:
            save_checkpoint(checkpoint, parts, optimizer, losses, (at, left))
            saved = time.monotonic()
        try:
            yield losses[-1]
        except GeneratorExit:
            save_checkpoint(checkpoint, parts, optimizer, losses, (at, left))
            raise
    parts.eval().requires_grad_(requires_grad=False)
    network.directions = parts["objective"].get_parameter("directions").detach()


def seconds_a_step(network: Any, photos: LabelledPhotos, plan: Plan, pair_loss: PairLoss) -> float:  # noqa: ANN401
    """Time a few steps of what `fine_tune` does; the network is spoilt by it."""
    parts, optimizer = _assemble(network, plan, pair_loss)
    _step(parts, optimizer, photos, plan, (0, 0.0))
    started = time.perf_counter()
    for step in range(PROBED_STEPS):
        _step(parts, optimizer, photos, plan, (step, step))
    return (time.perf_counter() - started) / PROBED_STEPS


def by_epoch(losses: Sequence[float], photos: int) -> list[float]:
    """Give the mean loss of each epoch over so many photos."""
    length = steps_an_epoch(photos, BATCH)
    return [float(np.mean(losses[start : start + length])) for start in range(0, len(losses), length)]


def _assemble(network: Any, plan: Plan, pair_loss: PairLoss) -> "tuple[nn.ModuleDict, Optimizer]":  # noqa: ANN401
    import torch

    device = next(network.parameters()).device
    with torch.no_grad():
        dimension = network(torch.zeros(1, plan.size, plan.size, 3, device=device)).shape[1]
    objective = build_objective(plan.classes, dimension, pair_loss, plan.seed).to(device)
    groups = layered_groups(network, plan.rate, plan.decay, plan.share)
    groups.append({"params": list(objective.parameters()), "lr": DIRECTION_RATE, "weight_decay": 0.0})
    for group in groups:
        group["highest"] = group["lr"]
    return torch.nn.ModuleDict({"network": network, "objective": objective}), torch.optim.AdamW(groups)


def _step(
    parts: "nn.ModuleDict", optimizer: "Optimizer", photos: LabelledPhotos, plan: Plan, place: tuple[int, float]
) -> float:
    """Take one step: its number, with the seed, is where everything random comes from; the rate, from its place."""
    import torch

    step, at = place
    generator = np.random.default_rng((plan.seed, step, 1))
    chosen = photos_of_step(photos.classes, BATCH, plan.seed, step)
    device = next(parts.parameters()).device
    views = augment(photos.pixels[photos.rows[chosen]], plan.size, generator, CHANGES)
    framed = (255.0 * views).permute(0, 2, 3, 1).to(device)
    share = share_of_rate(round(at), plan.steps)
    for group in optimizer.param_groups:
        group["lr"] = group["highest"] * share
    parts.train()
    train_mode(parts["network"])
    with _precision(plan, device.type):
        vectors: Tensor = parts["network"](framed)
    loss: Tensor = parts["objective"](vectors, torch.from_numpy(photos.classes[chosen]).to(device))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(parts.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    return float(loss.detach())


def _precision(plan: Plan, device: str) -> "AbstractContextManager[object]":
    import torch

    return torch.autocast(device, torch.bfloat16, enabled=plan.halved)
