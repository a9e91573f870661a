"""What fine-tuned networks are taught, fold by fold: which photos, and as which class."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.fingerprint import digest
from imgsim_assets.retrieval.folds import grouped_folds
from imgsim_assets.retrieval.label_codec import UNKNOWN, LabelCodec
from imgsim_assets.retrieval.learning_set import Pool, learning_mode, lesson_of_fold
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.settings import Backbone, FineTuning

TOLD_APART = 2  # classes
# Guesses do not hang on the settings of ranking, so that those do not train anything anew.
GUESSED_BY = {"dimensions": 1024, "shrinkage": "auto", "pair_weight": 0.0}


@dataclass(frozen=True)
class Course:
    """What is learned, fold by fold.

    `photos` has a `content_id` for each row. `lessons` are int64 [n] each: the class as which the fold's network learns
    a photo, -1 where it does not. `folds` int64 [n] is each photo's own fold, whose network has not learned from it.
    """

    photos: pl.DataFrame
    labels: Sequence[str]
    folds: npt.NDArray[np.int64]
    lessons: list[npt.NDArray[np.int64]]

    @property
    def taught(self) -> npt.NDArray[np.bool_]:
        """Which photos some network learns from: bool [n]."""
        return _taught_by(self.lessons)

    def folds_table(self) -> pl.DataFrame:
        """Name the fold of each content that has a label, or that some network learns from: `content_id`, `fold`."""
        table = self.photos.select("content_id").with_columns(pl.Series("fold", self.folds))
        return table.filter(self.taught | self.photos["label"].is_not_null().to_numpy()).unique(
            "content_id", keep="first", maintain_order=True
        )

    def name(self) -> str:
        """Name all that is learned: another name, another lesson."""
        ids = self.photos["content_id"].to_list()
        return digest(f"{one} {number}" for lesson in self.lessons for one, number in zip(ids, lesson, strict=True))


def plan_course(
    photos: pl.DataFrame,
    labels: LabelCodec,
    *,
    chosen: FineTuning,
    confidence: float,
    pool: Callable[[], Pool],
) -> Course | None:
    """Deal photos out to folds, and say what each fold's network learns.

    Near-duplicates are of one fold. Where fewer than half of the train photos are labelled, sure guesses of the others
    are learned too, made without the labels of the fold.

    Args:
        photos: the learning set: `split`, `content_id`, `label`, `near_duplicate_group`.
        labels: their numbers.
        chosen: `folds`, `photos` and `seed` are read.
        confidence: guesses below it are not learned, 0..1.
        pool: gives the photos as guessing sees them; asked where guesses are wanted.

    Returns:
        None where there are fewer labelled photos than folds, or a network would learn of one class only.
    """
    classes = labels.encode(photos["label"])
    groups = photos["near_duplicate_group"].cast(pl.Int64).to_numpy()
    if len(np.unique(groups[classes != UNKNOWN])) < chosen.folds:
        return None
    folds = grouped_folds(classes, groups, chosen.folds, chosen.seed)
    numbers = range(chosen.folds)
    if learning_mode(classes[(photos["split"] == "train").to_numpy()]) == "labelled":
        lessons = [np.where(folds == fold, UNKNOWN, classes) for fold in numbers]
    else:
        guessed_from = pool()
        lessons = [lesson_of_fold(guessed_from, folds, fold, confidence) for fold in numbers]
    thinned = _thinned(lessons, chosen.photos, chosen.seed)
    if any(len(np.unique(lesson[lesson != UNKNOWN])) < TOLD_APART for lesson in thinned):
        return None
    return Course(photos, labels.names, folds, thinned)


def guessing_recipe(backbones: Mapping[str, Backbone]) -> Recipe:
    """Give the recipe by which the classes of photos without label are guessed for fine-tuning."""
    return Recipe.model_validate({**GUESSED_BY, "views": {name: one.views[:1] for name, one in backbones.items()}})


def _thinned(lessons: Sequence[npt.NDArray[np.int64]], limit: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Keep `limit` photos at most, drawn by `seed`, the same in all lessons."""
    left_out = np.random.default_rng(seed).permutation(np.flatnonzero(_taught_by(lessons)))[limit:]
    for lesson in lessons:
        lesson[left_out] = UNKNOWN
    return list(lessons)


def _taught_by(lessons: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.any([lesson != UNKNOWN for lesson in lessons], axis=0))
