"""A FAISS index by inner product: asked, saved, mapped from its file, added to. Its kinds are in `faiss_build`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.equal_norms import Sphere, fit_sphere, widen
from imgsim_assets.retrieval.ann.protocol import LIST, Ids, Vectors
from imgsim_assets.retrieval.ann.rows import blocks
from imgsim_assets.threads import single_thread

if TYPE_CHECKING:
    import faiss

OVERFETCH = {"sq8": 2, "ivf_pq": 10}  # codes do not tell the photos of one class apart
PQ_DIMENSIONS = 2


@dataclass(frozen=True)
class FaissIndex:
    """A FAISS index over vectors of `dimension`; its own may be wider, by coordinates in which every query is zero.

    `native` keeps the row of each vector, in the order in which they came. `asked` is an effort other than the one that
    is in its file (0: that one).
    """

    native: "faiss.IndexIDMap"
    dimension: int
    overfetch: int = 1
    asked: int = 0

    @property
    def size(self) -> int:
        """Number of vectors."""
        return int(self.native.ntotal)

    @property
    def rows(self) -> Ids:
        """The row of each vector, in the order in which they came: int64 [n]."""
        import faiss

        return np.asarray(faiss.vector_to_array(self.native.id_map), dtype=np.int64)

    @property
    def kind(self) -> str:
        """`flat`, `sq8`, `hnsw`, `ivf` or `ivf_pq`."""
        return next(kind for kind, name in _CLASSES.items() if type(self._core).__name__ == name)

    @property
    def effort(self) -> int | None:
        """Candidates that HNSW keeps while it walks, or lists that IVF looks through; None for a flat index."""
        if self.kind == "hnsw":
            return self.asked or int(self._core.hnsw.efSearch)
        if self.kind.startswith("ivf"):
            return min(self.asked or int(self._core.nprobe), self.most_effort)
        return None

    @property
    def least_effort(self) -> int:
        """Ten candidates of HNSW, which it keeps in any case; one list of IVF."""
        return LIST if self.kind == "hnsw" else 1

    @property
    def most_effort(self) -> int:
        """All vectors of HNSW, all lists of IVF."""
        return int(self._core.nlist) if self.kind.startswith("ivf") else self.size

    def asked_with(self, effort: int, overfetch: int) -> "FaissIndex":
        """Give the same index, asked with another effort and overfetch."""
        return replace(self, asked=effort, overfetch=overfetch)

    def save(self, path: Path) -> None:
        """Write FAISS's own file."""
        import faiss

        faiss.write_index(self.native, str(path))

    def candidates(self, queries: Vectors, count: int) -> Ids:
        """Propose rows."""
        asked = np.ascontiguousarray(widen(queries, int(self.native.d)))
        found = self.native.search(asked, count, params=self._parameters())
        return np.asarray(found[1], dtype=np.int64)

    def add(self, vectors: Vectors, learned: Vectors) -> None:
        """Add vectors at the rows after those that are there, without learning lists, codes or links anew.

        Args:
            vectors: float32 [m, d].
            learned: float32 [l, d], the vectors that it was built from, before any were added.
        """
        with single_thread():
            sphere = fit_sphere(learned) if self.kind in LEARNED else None
            add_vectors(self._core, vectors, sphere)
        self.renumber(np.concatenate([self.rows, self.size + np.arange(len(vectors))]))

    def renumber(self, rows: Ids) -> None:
        """Let it know its vectors, in the order in which they came, by `rows` int64 [n]."""
        import faiss

        faiss.copy_array_to_vector(rows.astype(np.int64), self.native.id_map)
        self.native.ntotal = self._core.ntotal

    @property
    def _core(self) -> Any:  # noqa: ANN401  FAISS's classes have attributes that their common one lacks
        import faiss

        return faiss.downcast_index(self.native.index)

    def _parameters(self) -> "faiss.SearchParameters | None":
        import faiss

        if not self.asked or self.effort is None:
            return None
        if self.kind == "hnsw":
            return faiss.SearchParametersHNSW(efSearch=self.asked)  # type: ignore[attr-defined,no-any-return]
        return faiss.SearchParametersIVF(nprobe=self.effort)  # type: ignore[call-arg]


_CLASSES = {
    "flat": "IndexFlatIP",
    "sq8": "IndexScalarQuantizer",
    "hnsw": "IndexHNSWFlat",
    "ivf": "IndexIVFFlat",
    "ivf_pq": "IndexIVFPQFastScan",
}
LEARNED = ("hnsw", "ivf", "ivf_pq")  # whose vectors are moved first


def add_vectors(core: "faiss.Index", vectors: Vectors, sphere: Sphere | None) -> None:
    """Add [n, d] vectors to a trained FAISS index, 50,000 at a time; `sphere` None: as they are."""
    for block in blocks(vectors):
        core.add(prepared(block, sphere, int(core.d)))


def prepared(vectors: Vectors, sphere: Sphere | None, width: int) -> Vectors:
    """Make of [n, d] vectors what an index of `width` dimensions is given: float32 [n, width]."""
    points = vectors if sphere is None else widen(sphere.equalise(vectors), width)
    return np.ascontiguousarray(points, dtype=np.float32)


def load_faiss(path: Path, dimension: int) -> FaissIndex:
    """Map an index over vectors of `dimension` from its file: pages come into memory as they are needed.

    Raises:
        ArtefactError: the file is absent, damaged, of another dimension or metric.
    """
    import faiss

    return _opened(path, dimension, lambda: faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))


def read_faiss(path: Path, dimension: int) -> FaissIndex:
    """Read an index into memory, as adding to it needs.

    Raises:
        ArtefactError: the file is absent, damaged, of another dimension or metric.
    """
    import faiss

    return _opened(path, dimension, lambda: faiss.read_index(str(path)))


def _opened(path: Path, dimension: int, read: "Callable[[], faiss.Index]") -> FaissIndex:
    import faiss

    try:
        native = read()
    except RuntimeError as error:
        raise ArtefactError(
            f"a FAISS index in {path.name}", str(error).split("\n")[0], "build the index again"
        ) from error
    fits = 0 <= native.d - dimension <= PQ_DIMENSIONS and native.metric_type == faiss.METRIC_INNER_PRODUCT
    if not fits or not isinstance(native, faiss.IndexIDMap):
        found = f"{type(native).__name__}, dimension {native.d}, metric {native.metric_type}"
        raise ArtefactError(f"inner product over {dimension} dimensions in {path.name}", found, "build the index again")
    return _as_index(native, dimension)


def named_index(core: "faiss.Index", dimension: int) -> FaissIndex:
    """Make of a filled FAISS index one over vectors of `dimension` that knows the row of each."""
    import faiss

    native = faiss.IndexIDMap(faiss.IndexFlatIP(core.d))  # it takes empty ones only
    native.index, native.own_fields, native.ntotal = core, False, core.ntotal
    native.referenced_objects = [core]  # type: ignore[attr-defined]
    faiss.copy_array_to_vector(np.arange(core.ntotal), native.id_map)
    return _as_index(native, dimension)


def _as_index(native: "faiss.IndexIDMap", dimension: int) -> FaissIndex:
    """Give a FAISS index over vectors of `dimension` the overfetch that its kind needs."""
    index = FaissIndex(native, dimension)
    return replace(index, overfetch=OVERFETCH.get(index.kind, 1))
