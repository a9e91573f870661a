"""Proof that an index answers before it is trusted: run after each build and each load.

Some compilers break Annoy so that it returns one neighbour whatever is asked (spotify/annoy issues 679, 682, 686).
"""

import numpy as np
import numpy.typing as npt

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import MISSING, Ids, Index, Vectors
from imgsim_assets.retrieval.ann.rescoring import rescore
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.threads import single_thread

PROBES = 64
NEIGHBOURS = 10
LEAST_RECALL = 0.3
TIE = 1e-5


def check_index(index: Index, vectors: Vectors, name: str) -> float:
    """Check `index` against the vectors it should hold, and give its recall@10 on a sample.

    Evenly spaced gallery vectors are the queries. A returned photo counts as found when it scores no worse
    than the tenth exact neighbour, so equal vectors may stand for each other.

    Args:
        index: built or loaded.
        vectors: float32 [n, d], n >= 1, in the order of the ids.
        name: for the message, e.g. `"annoy"`.

    Raises:
        ArtefactError: another size or dimension, invalid, repeated or too few ids, values that are not finite, answers
            that hang on the number of threads, or a recall below 0.3, which means a broken build, another metric, other
            vectors or far too few nodes searched.
    """
    _require(index.size == len(vectors), name, f"{len(vectors)} vectors", f"{index.size}")
    _require(index.dimension == vectors.shape[1], name, f"{vectors.shape[1]} dimensions", f"{index.dimension}")
    _require(bool(np.isfinite(vectors).all()), name, "finite vectors", "NaN or infinity")
    queries, k = evenly(vectors, PROBES), min(NEIGHBOURS, len(vectors))
    found = index.candidates(queries, k)
    _check_ids(found, k, len(vectors), name)
    scores = rescore(vectors, queries, found, k)[1]
    with single_thread():
        alone = rescore(vectors, queries, index.candidates(queries, k), k)[1]
    _require(
        np.allclose(scores, alone, rtol=TIE, atol=TIE), name, "the same answers by one thread and by all", "others"
    )
    recall = _recall(vectors, queries, scores, k)
    _require(recall >= LEAST_RECALL, name, f"recall@{k} of at least {LEAST_RECALL}", f"{recall:.3f}")
    return recall


def _check_ids(found: Ids, k: int, size: int, name: str) -> None:
    fewest = int((found != MISSING).sum(axis=1).min())
    _require(found.shape[1] == k and fewest == k, name, f"{k} neighbours for each query", f"{fewest}")
    _require(bool((found >= 0).all() and (found < size).all()), name, f"ids below {size}", "others")
    ordered = np.sort(found, axis=1)
    _require(bool((ordered[:, 1:] != ordered[:, :-1]).all()), name, "distinct neighbours", "repeated ones")


def _recall(vectors: Vectors, queries: Vectors, scores: npt.NDArray[np.float64], k: int) -> float:
    _, best = exact_neighbours(vectors, queries, k)
    bar = best[:, -1:] - TIE * np.abs(best).max(axis=1, keepdims=True)
    return float((scores >= bar).mean())


def _require(holds: bool, name: str, expected: str, found: str) -> None:
    if not holds:
        mend = (
            "build the index again; if that does not help raise annoy.search_nodes, "
            "or reinstall annoy compiled with ANNOY_COMPILER_ARGS=-O2"
        )
        raise ArtefactError(f"{expected} from the {name} index", found, mend)
