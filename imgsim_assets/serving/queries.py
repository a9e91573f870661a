"""Photos that no asset knows, turned into queries for the published gallery."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ranking import Vectors, query_vectors
from imgsim_assets.serving.bundle import SearchBundle
from imgsim_assets.serving.describe import describe, open_any
from imgsim_assets.settings import Settings
from imgsim_assets.vision.threads import thread_count


def photo_queries(paths: Sequence[Path], settings: Settings, bundle: SearchBundle) -> Vectors:
    """Turn photos into query vectors, row for row: float32 [n, d]; their inner products with the gallery's rank it.

    Raises:
        InputError: a photo cannot be read, or a backbone gives no vector for it.
    """
    head = bundle.head
    coordinates = head.axes.project(describe(paths, settings, head.recipe))
    return query_vectors(head, coordinates, bundle.vectors, _class_scores(paths, settings, bundle))


def _class_scores(paths: Sequence[Path], settings: Settings, bundle: SearchBundle) -> npt.NDArray[np.float64] | None:
    """Ask the fine-tuned networks: the mean of their log probabilities, float64 [n, c]; None: the recipe has none."""
    said = [_asked(name, paths, settings, bundle) for name in bundle.head.recipe.fine_tuned]
    return np.mean(said, axis=0, dtype=np.float64) if said else None


def _asked(name: str, paths: Sequence[Path], settings: Settings, bundle: SearchBundle) -> npt.NDArray[np.float32]:
    from imgsim_assets.vision.fine_tuning.loading import load_trained
    from imgsim_assets.vision.fine_tuning.scoring import PhotoToScore, no_opinion, score_photos
    from imgsim_assets.vision.fine_tuning.tuned_file import load_tuned

    backbone, tuned = settings.backbones[name], load_tuned(bundle.networks(name))
    scored = score_photos(
        [PhotoToScore(str(path), functools.partial(open_any, path, settings)) for path in paths],
        load_trained(backbone, tuned.size, settings.runtime, settings.places.models),
        tuned,
        backbone.views,
        workers=thread_count(settings.runtime.threads),
        total=len(paths),
    )
    return np.stack([scored.scores.get(str(path), no_opinion(len(tuned.labels))) for path in paths])
