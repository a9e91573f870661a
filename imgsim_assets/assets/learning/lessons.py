"""What fine-tuning learns from: the folds of photos, the lesson of each fold, and its pixels."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.keys import LEARNING_SET
from imgsim_assets.assets.learning.pool import read_pool
from imgsim_assets.assets.publishing import open_table
from imgsim_assets.fingerprint import digest
from imgsim_assets.progress import track
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.average_precision import encode_labels
from imgsim_assets.retrieval.class_sets import UNKNOWN
from imgsim_assets.retrieval.cross_validation import grouped_folds
from imgsim_assets.retrieval.learning_set import learning_mode, lesson_of_fold
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.settings import Settings
from imgsim_assets.vision.rows import open_row
from imgsim_assets.vision.threads import thread_count

if TYPE_CHECKING:
    from imgsim_assets.vision.backbones.pixels import SquareFraming
    from imgsim_assets.vision.fine_tuning.training import LabelledPhotos

FRAMED_AHEAD = 64
TOLD_APART = 2  # classes
# Guesses do not hang on the settings of ranking, so that those do not train anything anew.
GUESSED_BY = {"dimensions": 1024, "shrinkage": "auto", "pair_weight": 0.0}
MARGIN = 1.125  # photos are framed so many times larger than the model looks at, to be cropped


@dataclass(frozen=True)
class Course:
    """What is learned, fold by fold.

    `photos` has a `content_id` for each row. `lessons` are int64 [n] each: the class as which the fold's network learns
    a photo, -1 where it does not. `folds` int64 [n] is each photo's own fold, whose network has not learned from it.
    """

    photos: pl.DataFrame
    labels: list[str]
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


def plan_course(store: Store, settings: Settings) -> Course | None:
    """Deal photos out to folds, and say what each fold's network learns.

    Near-duplicates are of one fold. Where fewer than half of the train photos are labelled, sure guesses of the others
    are learned too, made without the labels of the fold.

    Returns:
        None where there are fewer labelled photos than folds, or a network would learn of one class only.
    """
    chosen = settings.fine_tuning
    photos = open_table(store, LEARNING_SET)
    (classes,) = encode_labels(photos["label"].to_list())
    groups = photos["near_duplicate_group"].cast(pl.Int64).to_numpy()
    known = classes != UNKNOWN
    if len(np.unique(groups[known])) < chosen.folds:
        return None
    folds = grouped_folds(classes, groups, chosen.folds, chosen.seed)
    numbers = range(chosen.folds)
    if learning_mode(classes[(photos["split"] == "train").to_numpy()]) == "labelled":
        lessons = [np.where(folds == fold, UNKNOWN, classes) for fold in numbers]
    else:
        first = {name: backbone.views[:1] for name, backbone in settings.backbones.items()}
        pool = read_pool(store, settings, Recipe.model_validate({**GUESSED_BY, "views": first}))
        lessons = [lesson_of_fold(pool, folds, fold, settings.clusters.confidence) for fold in numbers]
    thinned = _thinned(lessons, chosen.photos, chosen.seed)
    if any(len(np.unique(lesson[lesson != UNKNOWN])) < TOLD_APART for lesson in thinned):
        return None
    return Course(photos, sorted(set(photos["label"].drop_nulls())), folds, thinned)


def _thinned(lessons: Sequence[npt.NDArray[np.int64]], limit: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Keep `limit` photos at most, drawn by `seed`, the same in all lessons."""
    left_out = np.random.default_rng(seed).permutation(np.flatnonzero(_taught_by(lessons)))[limit:]
    for lesson in lessons:
        lesson[left_out] = UNKNOWN
    return list(lessons)


def _taught_by(lessons: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.bool_]:
    return np.asarray(np.any([lesson != UNKNOWN for lesson in lessons], axis=0))


def frame_lessons(
    store: Store, settings: Settings, course: Course, framing: "SquareFraming"
) -> "tuple[list[LabelledPhotos], frozenset[str]]":
    """Put together what each network learns from; they share the pixels. Photos that cannot be framed are left out.

    Returns:
        The lessons, and the content ids of photos that are left out because their file was away or changed.
    """
    ids, pixels, gone = _frame_photos(store, settings, course, framing)
    rows = {content_id: row for row, content_id in enumerate(ids)}
    return [_lesson(course, lesson, rows, pixels) for lesson in course.lessons], gone


def _frame_photos(
    store: Store, settings: Settings, course: Course, framing: "SquareFraming"
) -> tuple[list[str], npt.NDArray[np.uint8], frozenset[str]]:
    """Frame every photo that is learned from a little larger than the model looks at.

    Returns:
        Content ids, their pixels, and the content ids of those that were away.
    """
    from imgsim_assets.vision.frame import Frame
    from imgsim_assets.vision.framing import PhotoSource, frame_ahead

    side = _larger(framing.size)
    frame = Frame("rgb", replace(framing, size=side, scaled=_larger(framing.scaled)))
    photos = distinct_photos(store).join(course.photos.filter(course.taught), on="content_id", how="semi")
    sources = (
        PhotoSource(photo["content_id"], functools.partial(open_row, settings, photo, [frame]))
        for photo in photos.iter_rows(named=True)
    )
    framed = frame_ahead(sources, {"rgb": frame}, ahead=FRAMED_AHEAD, workers=thread_count(settings.runtime.threads))
    ids: list[str] = []
    gone: set[str] = set()
    pixels = np.empty((photos.height, side, side, 3), dtype=np.uint8)
    for parts in track(framed, "framing", total=photos.height):
        for _, one in parts:
            if one.pixels is not None:
                pixels[len(ids)] = one.pixels
                ids.append(one.content_id)
            elif one.passing:
                gone.add(one.content_id)
    return ids, pixels[: len(ids)], frozenset(gone)


def _larger(side: int) -> int:
    return round(MARGIN * side)


def _lesson(
    course: Course, lesson: npt.NDArray[np.int64], rows: Mapping[str, int], pixels: npt.NDArray[np.uint8]
) -> "LabelledPhotos":
    """Say which pixels one network learns from, and as what; of a content with two labels, the first."""
    from imgsim_assets.vision.fine_tuning.training import LabelledPhotos

    learned: dict[int, int] = {}
    for content_id, number in zip(course.photos["content_id"], lesson.tolist(), strict=True):
        if number != UNKNOWN and content_id in rows:
            learned.setdefault(rows[content_id], number)
    taught = np.array(list(learned.items()), dtype=np.int64).reshape(-1, 2)
    return LabelledPhotos(pixels, taught[:, 0], taught[:, 1])
