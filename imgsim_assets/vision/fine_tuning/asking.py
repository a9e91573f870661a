"""Photos of the catalogue put to fine-tuned networks: only those of which nothing is known yet."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

import polars as pl

from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.threads import thread_count
from imgsim_assets.vision.backbones.locking import have_model
from imgsim_assets.vision.fine_tuning.loading import load_trained
from imgsim_assets.vision.fine_tuning.scores_file import Scores
from imgsim_assets.vision.fine_tuning.scoring import PhotoToScore, Scored, score_photos
from imgsim_assets.vision.fine_tuning.tuned_file import FineTuned
from imgsim_assets.vision.rows import open_row


def complete_scores(
    settings: Settings,
    backbone: Backbone,
    tuned: FineTuned,
    photos: pl.DataFrame,
    known: Mapping[str, Scores],
    *,
    folds: Mapping[str, int] = MappingProxyType({}),
) -> Scored:
    """Ask the networks about those photos, rows of `raw_images`, of which nothing is `known`.

    Args:
        settings: where photos and weights are, and how to run them.
        backbone: what was fine-tuned.
        tuned: what came of it.
        photos: that are wanted.
        known: what the networks said before.
        folds: of photos that were learned from: their own fold's network alone is asked.

    Returns:
        What they say of the photos, in their order; nothing of one where nothing was learned, or that cannot be read.
    """
    missing = photos.filter(~pl.col("content_id").is_in(list(known)))
    asked = _ask(settings, backbone, tuned, missing, folds)
    found = {**known, **asked.scores}
    return replace(asked, scores={one: found[one] for one in photos["content_id"] if one in found})


def _ask(
    settings: Settings, backbone: Backbone, tuned: FineTuned, photos: pl.DataFrame, folds: Mapping[str, int]
) -> Scored:
    if not tuned.folds or photos.is_empty():
        return Scored({}, frozenset())

    have_model(settings, backbone)

    def asked() -> Iterator[PhotoToScore]:
        for photo in photos.iter_rows(named=True):
            opening = functools.partial(open_row, settings, photo)
            yield PhotoToScore(photo["content_id"], opening, folds.get(photo["content_id"]))

    return score_photos(
        asked(),
        load_trained(backbone, tuned.size, settings.runtime, settings.places.models),
        tuned,
        backbone.views,
        workers=thread_count(settings.runtime.threads),
        total=photos.height,
    )
