"""The kinds of FAISS index, and how each is built.

| kind | what it holds | bytes a vector of d dimensions |
|---|---|---|
| flat | every vector: exact | 4 d + 8 |
| sq8 | every vector, 8 bits a dimension | d + 8 |
| hnsw | every vector, and a graph to walk (Malkov and Yashunin 2018) | 4 d + 264 |
| ivf | every vector, in lists by the nearest of some centres | 4 d + 16 |
| ivf_pq | in lists, 4 bits for two dimensions (Jégou et al. 2011; André et al. 2015) | d / 4 + 16 |

What the last ones lose is made good by the exact order that candidates are put into (`ann.search`), from vectors that
need not be in memory. Building needs the memory of the index, of what lists and codes are learned from, and of one
block of vectors for each thread.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsim_assets.retrieval.ann.equal_norms import Sphere, fit_sphere
from imgsim_assets.retrieval.ann.faiss_index import (
    LEARNED,
    PQ_DIMENSIONS,
    FaissIndex,
    add_vectors,
    named_index,
    prepared,
)
from imgsim_assets.retrieval.ann.protocol import Vectors
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.threads import set_faiss_threads, single_thread

if TYPE_CHECKING:
    import faiss

HNSW_LINKS = 32
HNSW_BUILD = 200
HNSW_SEARCH = 256
IVF_LISTS_PER_ROOT = 4
IVF_PROBED_SHARE = 16
IVF_LEAST_PROBES = 16
TRAINING_PHOTOS_PER_LIST = 64
SQ8 = 0  # faiss.ScalarQuantizer.QT_8bit: FAISS is imported where it is used
PQ_BITS = 4
LEAST_COMPRESSED = 256
PACKED = 32  # codes are laid out for fast scan so many at a time; of each list half of one such block is unused
SHARD = 100_000


def build_faiss(vectors: Vectors, kind: str, seed: int) -> FaissIndex:
    """Build an index of a kind over float32 [n, d] vectors, which may be mapped from a file.

    The same bytes whatever the number of threads: HNSW's graph is made by one; IVF's lists are learned by one, and
    filled by all, in shards of 100,000 vectors that are merged in order. Fewer than 256 vectors are too few to learn a
    code from: `ivf_pq` is `ivf` then.
    """
    import faiss

    threads = faiss.omp_get_max_threads()
    if kind == "ivf_pq" and len(vectors) < LEAST_COMPRESSED:
        kind = "ivf"
    with single_thread():
        sphere = fit_sphere(vectors) if kind in LEARNED else None
        core = _learned(vectors, kind, seed, sphere)
        _fill(core, vectors, sphere, threads)
    return named_index(_packed(core) if kind == "ivf_pq" else core, vectors.shape[1])


def expected_bytes(kind: str, count: int, dimensions: int) -> int:
    """Say how large an index will be, for `count` vectors."""
    whole = 4 * dimensions
    each = {
        "flat": whole + 8,
        "sq8": dimensions + 8,
        "hnsw": whole + 8 * HNSW_LINKS + 8,
        "ivf": whole + 16,
        "ivf_pq": dimensions // 4 + 16,
    }
    lists = _list_count(count) if kind.startswith("ivf") else 0
    unused = PACKED // 2 * each[kind] if kind == "ivf_pq" else 0
    return count * each[kind] + lists * (whole + unused)


def _learned(vectors: Vectors, kind: str, seed: int, sphere: Sphere | None) -> Any:  # noqa: ANN401  FAISS's classes
    """Make an empty index that has learned what it needs."""
    import faiss

    count, dimension = vectors.shape
    if kind == "flat":
        return faiss.IndexFlatIP(dimension)
    if kind == "sq8":
        scalar = faiss.IndexScalarQuantizer(dimension, SQ8, faiss.METRIC_INNER_PRODUCT)
        scalar.train(prepared(vectors, None, dimension))
        return scalar
    if kind == "hnsw":
        graph = faiss.IndexHNSWFlat(dimension + 1, HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction, graph.hnsw.efSearch = HNSW_BUILD, HNSW_SEARCH
        graph.hnsw.rng = faiss.RandomGenerator(seed)  # type: ignore[attr-defined]
        return graph
    lists = _list_count(count)
    width = dimension + 1 + (dimension + 1) % PQ_DIMENSIONS
    native = _lists_of(kind, width, lists, seed)
    native.cp.seed, native.cp.spherical = seed, True  # all points have norm 1
    native.cp.min_points_per_centroid, native.cp.max_points_per_centroid = 1, TRAINING_PHOTOS_PER_LIST
    native.nprobe = min(lists, max(IVF_LEAST_PROBES, lists // IVF_PROBED_SHARE))
    native.train(prepared(evenly(vectors, lists * TRAINING_PHOTOS_PER_LIST), sphere, width))
    return native


def _list_count(count: int) -> int:
    return max(1, min(int(IVF_LISTS_PER_ROOT * np.sqrt(count)), count // 40))


def _lists_of(kind: str, width: int, lists: int, seed: int) -> Any:  # noqa: ANN401  FAISS's classes
    import faiss

    metric = faiss.METRIC_INNER_PRODUCT
    centres = faiss.IndexFlatIP(width)
    if kind == "ivf":
        return faiss.IndexIVFFlat(centres, width, lists, metric)
    native = faiss.IndexIVFPQ(centres, width, lists, width // PQ_DIMENSIONS, PQ_BITS, metric)
    native.pq.cp.seed, native.pq.cp.min_points_per_centroid = seed, 1
    return native


def _packed(filled: Any) -> Any:  # noqa: ANN401  FAISS's classes
    """Lay the codes out for fast scan. Not before lists are merged: merging laid-out ones leaves stray bytes."""
    import faiss

    # Through bytes: the new index shares its centres with the old one otherwise.
    return faiss.deserialize_index(faiss.serialize_index(faiss.IndexIVFPQFastScan(filled)))


def _fill(core: Any, vectors: Vectors, sphere: Sphere | None, threads: int) -> None:  # noqa: ANN401  FAISS's classes
    """Add all vectors, in shards where the index has lists that can be merged."""
    import faiss

    if len(vectors) <= SHARD or not isinstance(core, faiss.IndexIVF):
        add_vectors(core, vectors, sphere)
        return
    empty = faiss.serialize_index(core)

    def shard(start: int) -> "faiss.Index":
        set_faiss_threads(1)
        part = faiss.deserialize_index(empty)
        add_vectors(part, vectors[start : start + SHARD], sphere)
        return part

    with ThreadPoolExecutor(threads) as pool:
        starts = range(0, len(vectors), SHARD)
        for some in (starts[at : at + threads] for at in range(0, len(starts), threads)):  # bounds what is in memory
            for part in pool.map(shard, some):
                core.merge_from(part, core.ntotal)
