"""Which photos the metric learns from, and as which class."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.average_precision import encode_labels
from imgsim_assets.retrieval.clusters import MOSTLY_LABELLED
from imgsim_assets.retrieval.glrt import Ints
from imgsim_assets.retrieval.pseudo_labels import PseudoLabels

Mode = Literal["labelled", "partly labelled", "unlabelled"]


@dataclass(frozen=True)
class LearningSet:
    """int64 [n] classes, -1 for photos that are left out, and the class names by number."""

    classes: Ints
    names: list[str]
    mode: Mode


def learning_mode(train_labels: list[str | None]) -> Mode:
    """Tell from the labels of the train photos: at least half, some, or none of them carry one."""
    labelled = sum(label is not None for label in train_labels)
    if not labelled:
        return "unlabelled"
    return "labelled" if labelled >= MOSTLY_LABELLED * len(train_labels) else "partly labelled"


def training_classes(
    labels: list[str | None], guessed: PseudoLabels, is_train: npt.NDArray[np.bool_], threshold: float
) -> LearningSet:
    """Take labels where there are any, and pseudo-labels where the confidence reaches `threshold`.

    Where most train photos are labelled, test photos are left out: they have nothing to add that is worth their
    errors. If fewer than two classes are left all pseudo-labels are taken: a metric needs something to tell apart.

    Args:
        labels: one per photo, train and test; None for none, and always None for test photos.
        guessed: one per photo.
        is_train: bool [n].
        threshold: in 0..1.
    """
    mode = learning_mode([label for label, train in zip(labels, is_train, strict=True) if train])
    sure = (guessed.confidence >= threshold) & (is_train | (mode != "labelled"))
    chosen = _labels_or(labels, guessed.labels, sure)
    if len({label for label in chosen if label is not None}) < 2:
        chosen = _labels_or(labels, guessed.labels, np.ones(len(labels), dtype=np.bool_))
    (classes,) = encode_labels(chosen)
    return LearningSet(classes, sorted({label for label in chosen if label is not None}), mode)


def _labels_or(labels: list[str | None], guesses: list[str], sure: npt.NDArray[np.bool_]) -> list[str | None]:
    return [
        label if label is not None else (guess if taken else None)
        for label, guess, taken in zip(labels, guesses, sure.tolist(), strict=True)
    ]
