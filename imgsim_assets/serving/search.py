"""The ten train photos nearest to any photo, through the published bundle."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

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
from imgsim_assets.vision.frame import Frame, open_photo
from imgsim_assets.vision.photo import PhotoError, decode_photo


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
    head = bundle.head
    try:
        coordinates = head.axes.project(describe(path, settings, head.recipe))
    except PhotoError as error:
        raise InputError(f"a photo at {path}", str(error), "name another file") from error
    query = query_vectors(head, coordinates, bundle.vectors)
    found = search(bundle.index(library), bundle.vectors, query, count, reciprocal=head.recipe.reciprocal)
    names, labels = bundle.gallery["name"], bundle.gallery["label"]
    return [
        {"name": names[row], "label": labels[row], "score": float(score)}
        for row, score in zip(found.ids[0].tolist(), found.scores[0], strict=True)
        if row >= 0
    ]


def describe(path: Path, settings: Settings, recipe: Recipe) -> npt.NDArray[np.float32]:
    """Turn a photo into the descriptor that the gallery's photos have: float32 [1, d]. Only views in use are embedded.

    Raises:
        PhotoError: it cannot be read.
        InputError: a backbone gives no vector for it.
    """
    whole = decode_photo(path, settings.ingest.max_pixels)
    edges = find_edges(whole, settings.canny)
    vectors: dict[tuple[str, str], npt.NDArray[np.float32]] = {}
    for name, views in sorted(recipe.views.items()):
        model = load_backbone(settings.backbones[name], settings.runtime, settings.places.models)
        model.prepare(len(views))
        frames = {view: Frame(view, model.framing) for view in views}
        photo = open_photo(path, whole.size, frames.values(), edges, settings.ingest.max_pixels)
        for view, frame in frames.items():
            raw = model.embed(frame(photo)[np.newaxis])
            vectors[name, view], usable = normalise(raw)
            if not usable.all():
                raise InputError("a photo with content", f"no vector by {name}, view {view}", "name another file")
    return assemble_descriptors(vectors, recipe.power)
