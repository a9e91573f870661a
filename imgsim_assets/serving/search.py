"""The ten train photos nearest to any photo, through the published bundle."""

from pathlib import Path

from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.serving.bundle import open_bundle
from imgsim_assets.serving.describe import require_photo
from imgsim_assets.serving.queries import photo_queries
from imgsim_assets.settings import Settings


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
    require_photo(path, settings)  # before any model is loaded for it
    bundle = open_bundle(settings)
    query = photo_queries([path], settings, bundle)
    found = search(bundle.index(library), bundle.vectors, query, count, reciprocal=bundle.head.recipe.reciprocal)
    names, labels = bundle.gallery["name"], bundle.gallery["label"]
    return [
        {"name": names[row], "label": labels[row], "score": float(score)}
        for row, score in zip(found.ids[0].tolist(), found.scores[0], strict=True)
        if row >= 0
    ]
