"""All folds' networks of one backbone, trained side by side within a budget of time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from imgsim_assets.threads import torch_threads
from imgsim_assets.vision.backbones.torch_model import TorchBackbone
from imgsim_assets.vision.checkpoint import steps_kept
from imgsim_assets.vision.fine_tuning.clock import Clock
from imgsim_assets.vision.fine_tuning.cores import Cores, run_trainings, share_cores
from imgsim_assets.vision.fine_tuning.objective import PairLoss
from imgsim_assets.vision.fine_tuning.training import LabelledPhotos, Plan, by_epoch, fine_tune, seconds_a_step
from imgsim_assets.vision.fine_tuning.tuned_file import FineTuned, changed_weights


@dataclass(frozen=True)
class Trained:
    """What training gave: the networks, the mean loss of each epoch by fold, and how many steps a fold took at most."""

    tuned: FineTuned
    curves: Sequence[Sequence[float]]
    steps: int


def fine_tune_folds(
    model: TorchBackbone,
    labels: Sequence[str],
    lessons: Sequence[LabelledPhotos],
    plan: Plan,
    pair_loss: PairLoss,
    *,
    folder: Path,
    threads: int,
    seconds: float,
) -> Trained:
    """Train a network for each lesson; an interrupted training goes on where its last checkpoints are.

    Args:
        model: what they all begin as.
        labels: of the classes.
        lessons: what each of them learns from.
        plan: how, the first of them; each further one has the next seed.
        pair_loss: see `objective`.
        folder: for checkpoints; it is made, and not removed.
        threads: that all of them may use.
        seconds: that all of them may take, by the clock: what takes longer is cut short, in all alike.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cores = share_cores(len(lessons), threads, model.device)
    steps = _affordable_steps(
        folder / "steps.json", model, lessons, plan, pair_loss=pair_loss, budget=(cores, threads, seconds)
    )
    networks = [model.to_train() for _ in lessons]
    files = [folder / f"{fold}" for fold in range(len(lessons))]
    clock = Clock(folder / "seconds.json", steps, seconds, [steps_kept(file) for file in files])
    trainings = [
        fine_tune(
            network,
            lesson,
            replace(plan, steps=steps, seed=plan.seed + fold),
            pair_loss,
            files[fold],
            steps_left=partial(clock.steps_left, fold),
        )
        for fold, (network, lesson) in enumerate(zip(networks, lessons, strict=True))
    ]
    losses = run_trainings(trainings, steps, cores)
    before = model.to_train()
    tuned = FineTuned(
        labels,
        [changed_weights(network, before) for network in networks],
        [network.directions.cpu() for network in networks],
        plan.size,
    )
    curves = [by_epoch(one, len(lesson.classes)) for one, lesson in zip(losses, lessons, strict=True)]
    return Trained(tuned, curves, max(len(one) for one in losses))


def _affordable_steps(
    decided: Path,
    model: TorchBackbone,
    lessons: Sequence[LabelledPhotos],
    plan: Plan,
    *,
    pair_loss: PairLoss,
    budget: tuple[Cores, int, float],
) -> int:
    """Cut the plan's steps down to the budget; what was decided before an interruption stays."""
    if decided.is_file():
        known: int = json.loads(decided.read_bytes())
        return known
    cores, threads, seconds = budget
    with torch_threads(cores.threads_each):
        one = seconds_a_step(model.to_train(), lessons[0], plan, pair_loss)
    steps = max(1, min(plan.steps, int(seconds / cores.seconds_for_all(len(lessons), one, threads))))
    aside = decided.with_suffix(".part")
    aside.write_text(json.dumps(steps), encoding="utf-8")
    aside.replace(decided)
    return steps
