"""A native Annoy as some compilers break it: one neighbour, whatever is asked."""

from pathlib import Path

from imgsim_assets.retrieval.ann.annoy_index import AnnoyIndex
from imgsim_assets.retrieval.ann.protocol import Vectors


class OneNeighbour:
    def __init__(self, vectors: Vectors) -> None:
        self.size, self.f = vectors.shape

    def get_n_items(self):
        return self.size

    def get_n_trees(self):
        return 1

    def get_nns_by_vector(self, vector, count, search_k):
        return [0]

    def save(self, path):
        Path(path).touch()


def build_broken_annoy(vectors: Vectors, *_: object) -> AnnoyIndex:
    return AnnoyIndex(OneNeighbour(vectors), vectors.shape[1], "dot", 1000)
