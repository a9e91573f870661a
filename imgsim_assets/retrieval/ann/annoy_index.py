"""Annoy by inner product (its `dot` metric)."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.equal_norms import move_origin
from imgsim_assets.retrieval.ann.protocol import CANDIDATES, MISSING, Ids, Vectors
from imgsim_assets.retrieval.single_thread import single_thread

if TYPE_CHECKING:
    from annoy import AnnoyIndex as Native


@dataclass(frozen=True)
class AnnoyIndex:
    """An Annoy index; `search_nodes` is how many nodes a query may inspect."""

    native: "Native"
    search_nodes: int

    @property
    def size(self) -> int:
        """Number of vectors."""
        return int(self.native.get_n_items())

    @property
    def dimension(self) -> int:
        """Dimensions of a vector."""
        return int(self.native.f)

    @property
    def overfetch(self) -> int:
        """Somewhat more than are wanted."""
        return CANDIDATES

    @property
    def effort(self) -> int | None:
        """Nodes that a query may inspect."""
        return self.search_nodes

    def with_effort(self, effort: int) -> "AnnoyIndex":
        """Give the same index, asked with another number of nodes."""
        return replace(self, search_nodes=effort)

    def save(self, path: Path) -> None:
        """Write Annoy's own file."""
        self.native.save(str(path))

    def candidates(self, queries: Vectors, count: int) -> Ids:
        """Propose rows; one query at a time, Annoy knows no batches."""
        found = np.full((len(queries), count), MISSING, dtype=np.int64)
        for row, query in enumerate(queries):
            ids = self.native.get_nns_by_vector(query, count, search_k=self.search_nodes)
            found[row, : len(ids)] = ids
        return found


def build_annoy(vectors: Vectors, trees: int, search_nodes: int, seed: int) -> AnnoyIndex:
    """Build an index over float32 [n, d] vectors.

    Always with one job: the number of jobs changes the trees, and Annoy's default is one per core.
    """
    from annoy import AnnoyIndex as Native

    native = Native(vectors.shape[1], "dot")
    native.set_seed(seed)
    with single_thread():
        moved = move_origin(vectors)
    for row, vector in enumerate(moved):
        native.add_item(row, vector)
    native.build(trees, n_jobs=1)
    return AnnoyIndex(native, search_nodes)


def load_annoy(path: Path, dimension: int, search_nodes: int) -> AnnoyIndex:
    """Map an index file into memory.

    The file holds neither dimension nor metric: the self-test has to tell whether they fit.

    Raises:
        ArtefactError: the file is absent or its size fits no index of this dimension.
    """
    from annoy import AnnoyIndex as Native

    native = Native(dimension, "dot")
    try:
        native.load(str(path))
    except OSError as error:
        raise ArtefactError(f"an Annoy index in {path.name}", str(error), "build the index again") from error
    return AnnoyIndex(native, search_nodes)
