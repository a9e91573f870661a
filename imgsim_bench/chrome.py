"""`imgsim bench chrome`: whether the answer follows what is in a photo, or the site that it came from."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from imgsim_assets.assets.keeping import open_table
from imgsim_assets.assets.keys import RAW_IMAGES, SOLUTION
from imgsim_assets.errors import InputError
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.average_precision import (
    MeanAveragePrecision,
    average_precision,
    mean_average_precision,
    relevance,
)
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.label_codec import LabelCodec
from imgsim_assets.serving.bundle import SearchBundle, open_bundle
from imgsim_assets.serving.models import Models
from imgsim_assets.serving.queries import photo_queries
from imgsim_assets.settings import Settings
from imgsim_assets.vision.photo import decode_photo
from imgsim_assets.vision.rows import usable_photos
from imgsim_bench.markdown import table_lines
from imgsim_bench.site import CHROME, Draw

QUALITY = 90


@dataclass(frozen=True)
class Answers:
    """What a kind of chrome changed.

    Attributes:
        kind: of chrome.
        stayed: how many of the ten recommendations of the clean photo stayed, and its interval.
        lost: MAP@10 by the hidden labels without the chrome, less that with it; None: there are no labels.
    """

    kind: str
    stayed: MeanAveragePrecision
    lost: MeanAveragePrecision | None


def measure_chrome(settings: Settings, photos: int, seed: int) -> list[Answers]:
    """Ask the published ranking for test photos as they are, and with what another site would put on them.

    The photos as they are go through the same compression once more, so that only the chrome differs.

    Args:
        settings: whose publication is asked.
        photos: test photos, drawn by `seed`.
        seed: of the draw and the chrome.

    Raises:
        ArtefactError: nothing is published.
        InputError: there is no test photo.
    """
    bundle = open_bundle(settings)
    asked = _test_photos(settings).sample(fraction=1.0, shuffle=True, seed=seed).head(photos)
    paths = [settings.places.data / path for path in asked["path"]]
    clean = _lists(bundle, settings, paths, None, seed)
    codec = LabelCodec.of(asked["label"], bundle.gallery["label"])
    labels = codec.encode(asked["label"]), codec.encode(bundle.gallery["label"])
    answers = []
    for kind, draw in CHROME.items():
        found = _lists(bundle, settings, paths, draw, seed)
        stayed = np.array([len(set(one) & set(other)) for one, other in zip(clean, found, strict=True)], np.float64)
        lost = _scores(clean, labels) - _scores(found, labels)
        has_labels = bool(np.isfinite(lost).any())
        answers.append(
            Answers(kind, mean_average_precision(stayed), mean_average_precision(lost) if has_labels else None)
        )
    return answers


def in_markdown(answers: Sequence[Answers]) -> str:
    """Write a table for the docs."""
    head = ("chrome", "of ten recommendations stay (95% interval)", "MAP@10 lost (95% interval)")
    rows = []
    for one in answers:
        stayed = f"{one.stayed.value:.2f} ({one.stayed.low:.2f} to {one.stayed.high:.2f})"
        lost = f"{one.lost.value:.4f} ({one.lost.low:.4f} to {one.lost.high:.4f})" if one.lost else "no labels"
        rows.append((one.kind, stayed, lost))
    return "\n".join([*table_lines(head, rows), "", f"{answers[0].stayed.queries} photos."])


def _test_photos(settings: Settings) -> pl.DataFrame:
    """Read `path` and hidden `label`, or null, of the test photos."""
    store = Store(state=str(settings.places.state))
    tests = usable_photos(open_table(store, RAW_IMAGES)).filter(pl.col("split") == "test").select("name", "path")
    if tests.is_empty():
        raise InputError("test photos to ask for", "none", "put some in test/")
    return tests.join(open_table(store, SOLUTION), on="name", how="left", maintain_order="left")


def _lists(bundle: SearchBundle, settings: Settings, paths: Sequence[Path], draw: Draw | None, seed: int) -> Ints:
    """Answer photos with some chrome, or none: int64 [n, 10] rows of the gallery."""
    with tempfile.TemporaryDirectory(prefix="imgsim-") as folder:
        drawn = [Path(folder) / f"{place}.jpg" for place in range(len(paths))]
        for place, (path, to) in enumerate(zip(paths, drawn, strict=True)):
            photo = np.asarray(decode_photo(path, settings.ingest.max_pixels))
            made = draw(photo, np.random.default_rng((seed, place))) if draw else photo
            Image.fromarray(made).save(to, quality=QUALITY)
        queries = photo_queries(drawn, Models(settings, bundle))
    index = bundle.index(settings.submission.index)
    return search(index, bundle.vectors, queries, LIST, reciprocal=bundle.head.recipe.reciprocal).ids


def _scores(lists: Ints, labels: tuple[Ints, ...]) -> Floats:
    """AP@10 of each list; NaN where the label is not known, or no photo of the gallery has it."""
    asked, gallery = labels
    return average_precision(*relevance(lists, asked, gallery))
