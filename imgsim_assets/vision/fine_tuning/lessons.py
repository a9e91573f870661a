"""The pixels that fine-tuning learns from: each photo framed once, for all lessons."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.progress import track
from imgsim_assets.settings import Settings
from imgsim_assets.threads import thread_count
from imgsim_assets.view_table import PHOTO
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.fine_tuning.training import LabelledPhotos
from imgsim_assets.vision.frame import Frame
from imgsim_assets.vision.framing import PhotoSource, frame_ahead
from imgsim_assets.vision.rows import open_row

FRAMED_AHEAD = 64
MARGIN = 1.125  # photos are framed so many times larger than the model looks at, to be cropped


def frame_lessons(
    settings: Settings,
    photos: pl.DataFrame,
    framing: SquareFraming,
    taught: Sequence[str],
    lessons: Sequence[npt.NDArray[np.int64]],
) -> tuple[list[LabelledPhotos], frozenset[str]]:
    """Put together what each network learns from; they share the pixels. Photos that cannot be framed are left out.

    Args:
        settings: where photos are, and how many threads open them.
        photos: those that some network learns from, rows of `raw_images`.
        framing: of the model.
        taught: content ids; of one that is there twice with two labels, the first counts.
        lessons: int64 [n] for each network: as which class it learns each of them, negative: not at all.

    Returns:
        The lessons, and the content ids of photos that are left out because their file was away or changed.
    """
    ids, pixels, away = _frame_photos(settings, photos, framing)
    rows = {content_id: row for row, content_id in enumerate(ids)}
    return [_lesson(taught, lesson, rows, pixels) for lesson in lessons], away


def _frame_photos(
    settings: Settings, photos: pl.DataFrame, framing: SquareFraming
) -> tuple[list[str], npt.NDArray[np.uint8], frozenset[str]]:
    """Frame photos a little larger than the model looks at.

    Returns:
        Content ids, their pixels, and the content ids of those that were away.
    """
    side = _larger(framing.size)
    frame = Frame(PHOTO, replace(framing, size=side, scaled=_larger(framing.scaled)))
    sources = (
        PhotoSource(photo["content_id"], functools.partial(open_row, settings, photo, [frame]))
        for photo in photos.iter_rows(named=True)
    )
    framed = frame_ahead(sources, {PHOTO: frame}, ahead=FRAMED_AHEAD, workers=thread_count(settings.runtime.threads))
    ids: list[str] = []
    away: set[str] = set()
    pixels = np.empty((photos.height, side, side, 3), dtype=np.uint8)
    for parts in track(framed, "framing", total=photos.height):
        for _, one in parts:
            if one.pixels is not None:
                pixels[len(ids)] = one.pixels
                ids.append(one.content_id)
            elif one.away:
                away.add(one.content_id)
    return ids, pixels[: len(ids)], frozenset(away)


def _larger(side: int) -> int:
    return round(MARGIN * side)


def _lesson(
    taught: Sequence[str], lesson: npt.NDArray[np.int64], rows: Mapping[str, int], pixels: npt.NDArray[np.uint8]
) -> LabelledPhotos:
    """Say which pixels one network learns from, and as what."""
    learned: dict[int, int] = {}
    for content_id, number in zip(taught, lesson.tolist(), strict=True):
        if number >= 0 and content_id in rows:
            learned.setdefault(rows[content_id], number)
    found = np.array(list(learned.items()), dtype=np.int64).reshape(-1, 2)
    return LabelledPhotos(pixels, found[:, 0], found[:, 1])
