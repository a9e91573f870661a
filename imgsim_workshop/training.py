"""The training loop of one backbone: seeded by step, so that it can stop and go on with the same result."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imgsim_assets.progress import track
from imgsim_assets.vision.augmentation import Changes, augment
from imgsim_assets.vision.checkpoint import load_checkpoint, save_checkpoint
from imgsim_assets.vision.compact import MEAN, STD, CompactModel, build_compact
from imgsim_workshop.batches import Pictures, choose_batch
from imgsim_workshop.distillation import distillation, lend_stem
from imgsim_workshop.objectives import objective
from imgsim_workshop.schedule import Schedule, naming_at, rate_at, share_at

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer


CHECKPOINT_EVERY = 100
WEIGHT_DECAY = 0.05
LARGEST_GRADIENT = 1.0
# Every picture is drawn in its own pose already, and what is told of its edges holds for all of it.
CHANGES = Changes(smallest=0.85, largest=1.05, turn=0.08, any_colour=True)


def train(
    name: str,
    pictures: Pictures,
    schedule: Schedule,
    seed: int,
    *,
    checkpoint: Path,
    teacher: CompactModel | None = None,
    stop_after: int | None = None,
    device: "torch.device | str" = "cpu",
) -> tuple[CompactModel, list[float]]:
    """Train one backbone, from its checkpoint if there is one.

    Args:
        name: one of `COMPACT_NAMES`.
        pictures: the training set.
        schedule: how.
        seed: of the weights, the batches and the views.
        checkpoint: file that is written now and then, and read first.
        teacher: the trained residual network, which the transformers learn from besides.
        stop_after: stop early once this many steps are done; the checkpoint goes on from there.
        device: where it is trained.

    Returns:
        the model in evaluation mode, on the CPU, and the loss of every step.
    """
    import torch

    torch.manual_seed(seed)
    model = build_compact(name)
    parts = torch.nn.ModuleDict(
        {"backbone": model.module, "objective": objective(name, pictures.kinds, model.dimension)}
    )
    if teacher is not None:
        lend_stem(model.module, teacher)
        parts["distillation"] = distillation(name, model.module, teacher)
        teacher.module.to(device)  # what is distilled from it does not own its teacher
    parts.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(_groups(parts), lr=schedule.rate, betas=(0.9, 0.98))
    losses, _ = load_checkpoint(checkpoint, parts, optimizer)
    last = min(schedule.steps, stop_after or schedule.steps)
    parts.train()
    for step in track(range(len(losses), last), f"Training {name}", unit="step"):
        losses.append(_step(parts, optimizer, pictures, schedule, (seed, step)))
        if len(losses) % CHECKPOINT_EVERY == 0 or len(losses) == last:
            save_checkpoint(checkpoint, parts, optimizer, losses)
    parts.eval().cpu()
    if teacher is not None:
        teacher.module.cpu()
    return model, losses


def _step(
    parts: "nn.ModuleDict", optimizer: "Optimizer", pictures: Pictures, schedule: Schedule, seeds: tuple[int, int]
) -> float:
    """Take one step; everything random in it comes from `seeds`: the run's and the number of the step."""
    import torch

    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds)))
    torch.manual_seed(int(generator.integers(2**31)))
    chosen = choose_batch(pictures, schedule.batch, share_at(seeds[1], schedule), generator)
    seen = augment(pictures.pixels[chosen], schedule.size, generator, CHANGES)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    device = next(parts.parameters()).device
    views = ((seen - mean) / std).to(device, memory_format=torch.channels_last)
    for group in optimizer.param_groups:
        group["lr"] = rate_at(seeds[1], schedule)
    with _precision(schedule, device.type):
        vectors = parts["backbone"](views)
        taught = parts["distillation"](views, vectors) if "distillation" in parts else 0.0
    classes, fisher = (torch.from_numpy(told[chosen]).to(device) for told in (pictures.classes, pictures.fisher))
    loss: Tensor = parts["objective"](vectors, classes, fisher, naming_at(seeds[1], schedule)) + taught
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(parts.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    return float(loss.detach())


def _groups(parts: "nn.Module") -> "list[dict[str, object]]":
    """Keep weight decay away from vectors: norms, biases, tokens."""
    trained = [weight for weight in parts.parameters() if weight.requires_grad]
    return [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]


def _precision(schedule: Schedule, device: str) -> "AbstractContextManager[object]":
    """Compute in bfloat16 where the schedule says so."""
    import torch

    return torch.autocast(device, torch.bfloat16, enabled=schedule.halved)
