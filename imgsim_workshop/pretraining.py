"""All of pretraining: learn codebooks, draw and describe pictures, train the three backbones, write all weights."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.vision.classic import CLASSIC_NAMES, load_classic
from imgsim_assets.vision.compact import COMPACT_NAMES, CompactModel, load_compact
from imgsim_workshop.batches import Pictures
from imgsim_workshop.centring import centre
from imgsim_workshop.classes import training_kinds
from imgsim_workshop.codebooks import draw_large, train_codebook
from imgsim_workshop.distillation import TEACHER
from imgsim_workshop.fisher_targets import fisher_targets
from imgsim_workshop.pictures import draw_pictures
from imgsim_workshop.schedule import Schedule
from imgsim_workshop.training import train
from imgsim_workshop.weight_files import write_codebook, write_weights

Array = TypeVar("Array", bound=npt.NDArray[np.generic])

REVISION = "pretraining/2"
CENTRED_ON = 500  # pictures


@dataclass(frozen=True)
class Budget:
    """How much is drawn, how long each backbone is trained, and how many classes the codebooks see."""

    classes: int
    pictures: int
    schedules: dict[str, Schedule]
    large_classes: int = 200


BUDGETS: dict[str, Budget] = {
    "small": Budget(
        classes=24,
        pictures=8,
        large_classes=24,
        schedules={
            "clip": Schedule(steps=30, batch=32, size=64, halved=True),
            "vit_clip": Schedule(steps=30, batch=32, size=64, halved=True),
            "resnet50v2": Schedule(steps=30, batch=32, size=64, halved=True),
        },
    ),
    "full": Budget(
        classes=2000,
        pictures=20,
        schedules={
            "clip": Schedule(steps=3000, batch=64, size=64, halved=True),
            "vit_clip": Schedule(steps=3000, batch=64, size=64, halved=True),
            "resnet50v2": Schedule(steps=9000, batch=128, size=64, rate=2e-3, naming=(0.2, 6.0), halved=True),
        },
    ),
}


@dataclass(frozen=True)
class Trained:
    """One trained backbone: its weights' file (float16 safetensors) and the loss of every step."""

    name: str
    weights: Path
    losses: tuple[float, ...]


def pretrain(
    output: Path,
    budget: Literal["small", "full"] = "full",
    seed: int = 0,
    names: Sequence[str] = COMPACT_NAMES,
    workers: int = 2,
) -> list[Trained]:
    """Learn the codebooks and train compact backbones from nothing; an interrupted run goes on at its last checkpoint.

    Backbones are trained on a card where there is one.

    Args:
        output: folder for the weights, the codebooks, the checkpoints and the drawn pictures.
        budget: "small" takes a minute and shows that it works, "full" is what ships.
        seed: of everything random.
        names: which backbones; the residual network comes first in any case, since it teaches the others.
        workers: processes that draw and describe; what is drawn does not depend on it.
    """
    import torch

    chosen, device = BUDGETS[budget], "cuda" if torch.cuda.is_available() else "cpu"
    write_codebooks(output, chosen, seed, workers)
    pictures = cached_pictures(output, chosen, seed, workers)
    teacher: CompactModel | None = None
    trained = []
    for name in (TEACHER, *(name for name in names if name != TEACHER)):
        schedule = chosen.schedules[name]
        key = fingerprint(name, REVISION, chosen.classes, chosen.pictures, asdict(schedule), seed)
        checkpoint, weights = output / f"{key}.checkpoint", output / f"{name}.safetensors"
        model, losses = train(name, pictures, schedule, seed, checkpoint=checkpoint, teacher=teacher, device=device)
        _finish(name, model, pictures, weights)
        trained.append(Trained(name, weights, tuple(losses)))
        teacher = teacher or load_compact(TEACHER, weights)
    return trained


def write_codebooks(output: Path, budget: Budget, seed: int, workers: int) -> list[Path]:
    """Learn the codebooks of the classical models from large drawn pictures.

    Args:
        output: folder for the codebooks.
        budget: how many classes are drawn.
        seed: of everything random.
        workers: processes that draw.

    Returns:
        Their files.
    """
    output.mkdir(parents=True, exist_ok=True)
    pictures = draw_large(training_kinds(budget.large_classes), seed, workers)
    paths = [output / f"{name}.safetensors" for name in CLASSIC_NAMES]
    for name, path in zip(CLASSIC_NAMES, paths, strict=True):
        write_codebook(train_codebook(name, pictures, seed), path)
    return paths


def _finish(name: str, model: CompactModel, pictures: Pictures, weights: Path) -> None:
    """Centre a trained model and write its weights."""
    centre(name, model, pictures.pixels[:: max(1, len(pictures.pixels) // CENTRED_ON)])
    write_weights(model, weights)


def cached_pictures(output: Path, budget: Budget, seed: int, workers: int) -> Pictures:
    """Draw and describe the training set, or read it where an earlier run left it; the codebooks are there already."""
    kinds = training_kinds(budget.classes)
    key = fingerprint("pictures", REVISION, budget.classes, budget.pictures, budget.large_classes, seed)
    pixels = _cached(output / f"{key}.npy", lambda: draw_pictures(kinds, budget.pictures, seed, workers))
    codebook = load_classic("sift", output / "sift.safetensors").codebook
    fisher = _cached(output / f"{key}-fisher.npy", lambda: fisher_targets(pixels, codebook, seed, workers))
    return Pictures(pixels, np.repeat(np.arange(len(kinds), dtype=np.int64), budget.pictures), kinds, fisher)


def _cached(path: Path, make: Callable[[], Array]) -> Array:
    """Read the array at `path`, or make it and leave it there."""
    if not path.is_file():
        aside = path.with_suffix(".part.npy")
        np.save(aside, make())
        aside.replace(path)
    array: Array = np.load(path, mmap_mode="r")
    return array
