"""Indices by name of the library, built or loaded, and tested at once."""

from pathlib import Path

from imgsim_assets.retrieval.ann.annoy_index import build_annoy, load_annoy
from imgsim_assets.retrieval.ann.faiss_index import build_faiss, load_faiss
from imgsim_assets.retrieval.ann.protocol import Index, Vectors
from imgsim_assets.retrieval.ann.self_test import check_index
from imgsim_assets.settings import Annoy, Faiss


def build_index(settings: Faiss | Annoy, vectors: Vectors) -> Index:
    """Build the index that `settings` describe over float32 [n, d] vectors and test it.

    Raises:
        ArtefactError: the index fails its test.
    """
    if isinstance(settings, Faiss):
        index: Index = build_faiss(vectors, settings.kind, settings.seed)
        check_index(index, vectors, "faiss")
        return index
    index = build_annoy(vectors, settings.trees, settings.search_nodes, settings.seed)
    check_index(index, vectors, "annoy")
    return index


def load_index(settings: Faiss | Annoy, path: Path, vectors: Vectors) -> Index:
    """Load the index in `path`, built from `vectors`, and test it.

    Raises:
        ArtefactError: the file cannot be used, or the index fails its test.
    """
    if isinstance(settings, Faiss):
        index: Index = load_faiss(path, vectors.shape[1])
        check_index(index, vectors, "faiss")
        return index
    index = load_annoy(path, vectors.shape[1], settings.search_nodes)
    check_index(index, vectors, "annoy")
    return index
