"""Photos that no asset knows, turned into queries for the published gallery."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ranking import Vectors, query_vectors
from imgsim_assets.serving.describe import describe, open_any
from imgsim_assets.serving.models import Models
from imgsim_assets.threads import thread_count


def photo_queries(paths: Sequence[Path], models: Models) -> Vectors:
    """Turn photos into query vectors, row for row: float32 [n, d]; their inner products with the gallery's rank it.

    Raises:
        InputError: a photo cannot be read, or a backbone gives no vector for it.
    """
    head = models.bundle.head
    coordinates = head.axes.project(describe(paths, models))
    return query_vectors(head, coordinates, models.bundle.vectors, _class_scores(paths, models))


def _class_scores(paths: Sequence[Path], models: Models) -> npt.NDArray[np.float64] | None:
    """Ask the fine-tuned networks: the mean of their log probabilities, float64 [n, c]; None: the recipe has none."""
    said = [_asked(name, paths, models) for name in models.bundle.head.recipe.fine_tuned]
    return np.mean(said, axis=0, dtype=np.float64) if said else None


def _asked(name: str, paths: Sequence[Path], models: Models) -> npt.NDArray[np.float32]:
    from imgsim_assets.vision.fine_tuning.scoring import PhotoToScore, no_opinion, score_photos

    settings = models.settings
    backbone, tuned = models.trained(name)
    scored = score_photos(
        [PhotoToScore(str(path), functools.partial(open_any, path, settings)) for path in paths],
        backbone,
        tuned,
        settings.backbones[name].views,
        workers=thread_count(settings.runtime.threads),
        total=len(paths),
    )
    return np.stack([scored.scores.get(str(path), no_opinion(len(tuned.labels))) for path in paths])
