"""FAISS by inner product.

| kind | what it holds | bytes a vector of d dimensions |
|---|---|---|
| flat | every vector: exact | 4 d |
| sq8 | every vector, 8 bits a dimension | d |
| hnsw | every vector, and a graph to walk (Malkov and Yashunin 2018) | 4 d + 256 |
| ivf | every vector, in lists by the nearest of some centres | 4 d + 8 |
| ivf_pq | in lists, 4 bits for two dimensions (Jégou et al. 2011; André et al. 2015) | d / 4 + 8 |

What the last ones lose is made good by the exact order that candidates are put into (`ann.search`), from vectors that
need not be in memory.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.equal_norms import equalise, widen
from imgsim_assets.retrieval.ann.protocol import CANDIDATES, Ids, Vectors
from imgsim_assets.retrieval.single_thread import single_thread

if TYPE_CHECKING:
    import faiss

Kind = Literal["auto", "flat", "sq8", "hnsw", "ivf", "ivf_pq"]

FLAT_UP_TO = 100_000
HNSW_LINKS = 32
HNSW_BUILD = 200
HNSW_SEARCH = 256
IVF_LISTS_PER_ROOT = 4
IVF_PROBED_SHARE = 16
IVF_LEAST_PROBES = 16
TRAINING_PHOTOS_PER_LIST = 64
SQ8 = 0  # faiss.ScalarQuantizer.QT_8bit: FAISS is imported where it is used
PQ_DIMENSIONS = 2
PQ_BITS = 4
LEAST_COMPRESSED = 256


@dataclass(frozen=True)
class FaissIndex:
    """A FAISS index over vectors of `dimension`; its own may be wider, by coordinates in which every query is zero.

    `asked` is an effort other than the one that was built in; 0: the one that was.
    """

    native: "faiss.Index"
    dimension: int
    asked: int = 0

    @property
    def size(self) -> int:
        """Number of vectors."""
        return int(self.native.ntotal)

    @property
    def overfetch(self) -> int:
        """Ten times as many for a code, which does not tell the photos of one class apart."""
        import faiss

        return CANDIDATES * 10 if isinstance(self.native, faiss.IndexIVFPQFastScan) else CANDIDATES

    @property
    def effort(self) -> int | None:
        """Candidates that HNSW keeps while it walks, or lists that IVF looks through; None for a flat index."""
        import faiss

        if isinstance(self.native, faiss.IndexHNSW):
            return self.asked or int(self.native.hnsw.efSearch)
        if isinstance(self.native, faiss.IndexIVF):
            return min(self.asked or int(self.native.nprobe), int(self.native.nlist))
        return None

    def with_effort(self, effort: int) -> "FaissIndex":
        """Give the same index, asked with another effort."""
        return replace(self, asked=effort)

    def save(self, path: Path) -> None:
        """Write FAISS's own file."""
        import faiss

        faiss.write_index(self.native, str(path))

    def candidates(self, queries: Vectors, count: int) -> Ids:
        """Propose rows."""
        asked = np.ascontiguousarray(widen(queries, int(self.native.d)))
        found = self.native.search(asked, count, params=self._parameters())
        return np.asarray(found[1], dtype=np.int64)

    def _parameters(self) -> "faiss.SearchParameters | None":
        import faiss

        if not self.asked or self.effort is None:
            return None
        if isinstance(self.native, faiss.IndexHNSW):
            return faiss.SearchParametersHNSW(efSearch=self.asked)  # type: ignore[attr-defined,no-any-return]
        return faiss.SearchParametersIVF(nprobe=self.effort)  # type: ignore[call-arg]


def build_faiss(vectors: Vectors, kind: Kind, seed: int) -> FaissIndex:
    """Build an index over float32 [n, d] vectors.

    `auto` is flat up to 100,000 vectors, where approximation does not pay, and IVF above. Fewer than 256 vectors are
    too few to learn a code from: `ivf_pq` is `ivf` then. On one thread: HNSW's graph and IVF's lists depend on the
    number of threads otherwise.
    """
    import faiss

    chosen = ("flat" if len(vectors) <= FLAT_UP_TO else "ivf") if kind == "auto" else kind
    if chosen == "ivf_pq" and len(vectors) < LEAST_COMPRESSED:
        chosen = "ivf"
    dimension = vectors.shape[1]
    with single_thread():
        points = np.ascontiguousarray(vectors if chosen in {"flat", "sq8"} else equalise(vectors))
        if chosen == "flat":
            native: faiss.Index = faiss.IndexFlatIP(dimension)
        elif chosen == "sq8":
            native = faiss.IndexScalarQuantizer(dimension, SQ8, faiss.METRIC_INNER_PRODUCT)
            native.train(points)
        elif chosen == "hnsw":
            native = _hnsw(points.shape[1], seed)
        else:
            points = widen(points, points.shape[1] + points.shape[1] % PQ_DIMENSIONS)
            native = _ivf(points, seed, compressed=chosen == "ivf_pq")
        native.add(points)
    return FaissIndex(native, dimension)


def load_faiss(path: Path, dimension: int) -> FaissIndex:
    """Load an index over vectors of `dimension`.

    Raises:
        ArtefactError: the file is absent, damaged, of another dimension or metric.
    """
    import faiss

    try:
        native = faiss.read_index(str(path))
    except RuntimeError as error:
        raise ArtefactError(
            f"a FAISS index in {path.name}", str(error).split("\n")[0], "build the index again"
        ) from error
    if not 0 <= native.d - dimension <= PQ_DIMENSIONS or native.metric_type != faiss.METRIC_INNER_PRODUCT:
        found = f"dimension {native.d}, metric {native.metric_type}"
        raise ArtefactError(f"inner product over {dimension} dimensions in {path.name}", found, "build the index again")
    return FaissIndex(native, dimension)


def _hnsw(dimension: int, seed: int) -> "faiss.Index":
    import faiss

    native = faiss.IndexHNSWFlat(dimension, HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
    native.hnsw.efConstruction, native.hnsw.efSearch = HNSW_BUILD, HNSW_SEARCH
    native.hnsw.rng = faiss.RandomGenerator(seed)  # type: ignore[attr-defined]
    return native


def _ivf(points: Vectors, seed: int, *, compressed: bool) -> "faiss.Index":
    import faiss

    width = points.shape[1]
    lists = max(1, min(int(IVF_LISTS_PER_ROOT * np.sqrt(len(points))), len(points) // 40))
    centres = faiss.IndexFlatIP(width)
    if compressed:
        native: faiss.IndexIVF = faiss.IndexIVFPQFastScan(
            centres, width, lists, width // PQ_DIMENSIONS, PQ_BITS, faiss.METRIC_INNER_PRODUCT
        )
        native.pq.cp.seed, native.pq.cp.min_points_per_centroid = seed, 1  # type: ignore[attr-defined]
    else:
        native = faiss.IndexIVFFlat(centres, width, lists, faiss.METRIC_INNER_PRODUCT)
    native.cp.seed, native.cp.spherical = seed, True
    native.cp.max_points_per_centroid = TRAINING_PHOTOS_PER_LIST
    native.nprobe = min(lists, max(IVF_LEAST_PROBES, lists // IVF_PROBED_SHARE))
    # Spherical k-means keeps directions only, so the points are given to it with norm 1.
    native.train((points / (float(np.linalg.norm(points[0])) or 1.0)).astype(np.float32))
    return native
