"""Index files mapped into memory, whatever the library."""

from pathlib import Path
from typing import get_args

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.annoy_index import Metric, load_annoy
from imgsim_assets.retrieval.ann.faiss_index import load_faiss
from imgsim_assets.retrieval.ann.protocol import Index


def map_index(kind: str, path: Path, dimension: int) -> Index:
    """Map the index of a `kind` (see `Index.kind`) in `path`; it is to be tested yet.

    Raises:
        ArtefactError: the file cannot be used, or is of another kind.
    """
    for metric in get_args(Metric):
        if kind == metric:
            return load_annoy(path, dimension, metric)
    index = load_faiss(path, dimension)
    if index.kind != kind:
        raise ArtefactError(f"a {kind} index in {path.name}", index.kind, "build the index again")
    return index
