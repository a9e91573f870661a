"""A backbone trained further on labelled photos: its plan, its lessons, and the networks of all folds."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.settings import Settings
from imgsim_assets.threads import thread_count
from imgsim_assets.vision.backbones.locking import have_model
from imgsim_assets.vision.backbones.precision import choose_precision
from imgsim_assets.vision.fine_tuning.batches import steps_an_epoch
from imgsim_assets.vision.fine_tuning.folds import Trained, fine_tune_folds
from imgsim_assets.vision.fine_tuning.lessons import frame_lessons
from imgsim_assets.vision.fine_tuning.loading import load_trainable
from imgsim_assets.vision.fine_tuning.objective import PairLoss
from imgsim_assets.vision.fine_tuning.training import BATCH, Plan
from imgsim_assets.vision.fine_tuning.usual import usual

TOLD_APART = 2  # classes


def teach(
    settings: Settings,
    name: str,
    photos: pl.DataFrame,
    *,
    labels: Sequence[str],
    taught: Sequence[str],
    lessons: Sequence[npt.NDArray[np.int64]],
    pair_loss: PairLoss,
    folder: Path,
) -> tuple[Trained | None, frozenset[str]]:
    """Train a network for each lesson, as the settings of fine-tuning say.

    Args:
        settings: where photos and weights are, how to run them, and `fine_tuning`.
        name: of the backbone.
        photos: those that some network learns from, rows of `raw_images`.
        labels: of the classes, in the order of their numbers.
        taught: content ids.
        lessons: as which class each network learns each of them: see `frame_lessons`.
        pair_loss: see `objective`.
        folder: for what is not finished; what lies beside it is removed, being of other lessons.

    Returns:
        What training gave, None: of too few classes photos could be read; and the photos that were away.
    """
    backbone, chosen = settings.backbones[name], settings.fine_tuning
    have_model(settings, backbone)
    model, framing = load_trainable(backbone, chosen, settings.runtime, settings.places.models)
    framed, away = frame_lessons(settings, photos, framing, taught, lessons)
    if any(len(np.unique(one.classes)) < TOLD_APART for one in framed):
        return None, away
    plan = Plan(
        classes=len(labels),
        size=framing.size,
        steps=chosen.epochs * steps_an_epoch(max(len(one.classes) for one in framed), BATCH),
        rate=usual(backbone.uri).rate if chosen.rate == "auto" else chosen.rate,
        decay=chosen.decay,
        share=chosen.blocks,
        halved=choose_precision(settings.runtime.precision, model.device) == "bfloat16",
        seed=chosen.seed,
    )
    for other in folder.parent.glob("*"):
        if other != folder:
            shutil.rmtree(other)
    trained = fine_tune_folds(
        model,
        labels,
        framed,
        plan,
        pair_loss,
        folder=folder,
        threads=thread_count(settings.runtime.threads),
        seconds=60.0 * chosen.minutes,
    )
    return trained, away
