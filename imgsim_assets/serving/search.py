"""The ten train photos nearest to any photo, through the published bundle."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from imgsim_assets.errors import InputError
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.descriptors import assemble_descriptors
from imgsim_assets.retrieval.ranking import query_vectors
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.serving.bundle import open_bundle
from imgsim_assets.settings import Settings
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.canny import find_edges
from imgsim_assets.vision.embedding import normalise
from imgsim_assets.vision.photo import PhotoError, decode_photo
from imgsim_assets.vision.views import make_view


def search_photo(path: Path, settings: Settings, library: str, count: int) -> list[dict[str, str | float | None]]:
    """Answer one photo.

    Args:
        path: the photo.
        settings: where the state folder is, and how to run the backbones.
        library: `faiss` or `annoy`.
        count: how many photos to name.

    Returns:
        `name`, `label` (or None) and `score` of train photos, best first.

    Raises:
        InputError: the photo cannot be read.
        ArtefactError: nothing usable is published.
    """
    bundle = open_bundle(settings)
    try:
        photo = decode_photo(path, settings.ingest.max_pixels)
    except PhotoError as error:
        raise InputError(f"a photo at {path}", str(error), "name another file") from error
    head = bundle.head
    coordinates = head.axes.project(describe(photo, settings, head.recipe))
    query = query_vectors(head, coordinates, bundle.vectors)
    found = search(bundle.index(library), bundle.vectors, query, count, reciprocal=head.recipe.reciprocal)
    names, labels = bundle.gallery["name"], bundle.gallery["label"]
    return [
        {"name": names[row], "label": labels[row], "score": float(score)}
        for row, score in zip(found.ids[0].tolist(), found.scores[0], strict=True)
        if row >= 0
    ]


def describe(photo: Image, settings: Settings, recipe: Recipe) -> npt.NDArray[np.float32]:
    """Turn a photo into the descriptor that the gallery's photos have: float32 [1, d]. Only views in use are embedded.

    Raises:
        InputError: a backbone gives no vector for it.
    """
    edges = find_edges(photo, settings.canny)
    vectors: dict[tuple[str, str], npt.NDArray[np.float32]] = {}
    for name, views in sorted(recipe.views.items()):
        model = load_backbone(settings.backbones[name], settings.runtime, settings.places.models)
        for view in views:
            raw = model.embed(model.preprocess(make_view(photo, view, edges))[np.newaxis])
            vectors[name, view], usable = normalise(raw)
            if not usable.all():
                raise InputError("a photo with content", f"no vector by {name}, view {view}", "name another file")
    return assemble_descriptors(vectors, recipe.power)
