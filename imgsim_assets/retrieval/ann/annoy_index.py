"""Annoy by inner product: its own `dot` metric, or `angular` or `euclidean` over vectors of one norm."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.equal_norms import fit_sphere, widen
from imgsim_assets.retrieval.ann.protocol import LIST, MISSING, Ids, Vectors
from imgsim_assets.retrieval.ann.rows import blocks
from imgsim_assets.threads import single_thread

if TYPE_CHECKING:
    from annoy import AnnoyIndex as Native

Metric = Literal["dot", "angular", "euclidean"]

OVERFETCH = 5


@dataclass(frozen=True)
class AnnoyIndex:
    """An Annoy index over vectors of `dimension`; `search_nodes` is how many nodes a query may inspect.

    By angle and by distance its own vectors have one coordinate more, in which every query is zero.
    """

    native: "Native"
    dimension: int
    metric: Metric
    search_nodes: int = 1
    overfetch: int = OVERFETCH

    @property
    def size(self) -> int:
        """Number of vectors."""
        return int(self.native.get_n_items())

    @property
    def kind(self) -> str:
        """Its metric."""
        return self.metric

    @property
    def effort(self) -> int | None:
        """Nodes that a query may inspect."""
        return self.search_nodes

    @property
    def least_effort(self) -> int:
        """Ten of each tree: each tree may propose the same ones."""
        return LIST * max(1, int(self.native.get_n_trees()))

    @property
    def most_effort(self) -> int:
        """As many nodes as there are vectors: looking at every vector takes no longer then."""
        return max(self.size, self.least_effort)

    def asked_with(self, effort: int, overfetch: int) -> "AnnoyIndex":
        """Give the same index, asked with another number of nodes and another overfetch."""
        return replace(self, search_nodes=effort, overfetch=overfetch)

    def save(self, path: Path) -> None:
        """Write Annoy's own file."""
        self.native.save(str(path))

    def candidates(self, queries: Vectors, count: int) -> Ids:
        """Propose rows; one query at a time, Annoy knows no batches."""
        found = np.full((len(queries), count), MISSING, dtype=np.int64)
        for row, query in enumerate(widen(queries, int(self.native.f))):
            ids = self.native.get_nns_by_vector(query, count, search_k=self.search_nodes)
            found[row, : len(ids)] = ids
        return found


def build_annoy(vectors: Vectors, trees: int, seed: int, metric: Metric = "dot") -> AnnoyIndex:
    """Build an index over float32 [n, d] vectors; how many nodes to inspect is to be set.

    Always with one job: the number of jobs changes the trees, and Annoy's default is one per core.
    """
    from annoy import AnnoyIndex as Native

    native = Native(_width(vectors.shape[1], metric), metric)
    native.set_seed(seed)
    with single_thread():
        sphere = fit_sphere(vectors)
    row = 0
    for block in blocks(vectors):
        for vector in sphere.move(block) if metric == "dot" else sphere.equalise(block):
            native.add_item(row, vector)
            row += 1
    native.build(trees, n_jobs=1)
    return AnnoyIndex(native, vectors.shape[1], metric)


def load_annoy(path: Path, dimension: int, metric: Metric) -> AnnoyIndex:
    """Map an index file into memory; how many nodes to inspect is to be set.

    The file holds neither dimension nor metric: the self-test has to tell whether they fit.

    Raises:
        ArtefactError: the file is absent or its size fits no index of this dimension.
    """
    from annoy import AnnoyIndex as Native

    native = Native(_width(dimension, metric), metric)
    try:
        native.load(str(path))
    except OSError as error:
        raise ArtefactError(f"an Annoy index in {path.name}", str(error), "build the index again") from error
    return AnnoyIndex(native, dimension, metric)


def _width(dimension: int, metric: Metric) -> int:
    return dimension if metric == "dot" else dimension + 1
