"""`imgsim bench memory`: the memory that a large evaluation needs, and on what it depends."""

import json
import subprocess
import sys
import time

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.protocol import LIST

MEGABYTE = 1024.0
BLOCK = 10_000
PHOTOS_A_CLASS = 45
SPREAD = 0.6
RERANKED = 2_000


def measure_memory(photos: int, queries: int, dimensions: int, seed: int = 0) -> dict[str, float]:
    """Search, re-rank and score drawn photos in a process of their own.

    Args:
        photos: in the gallery: unit vectors around class centres, 45 a class, with Gaussian noise 0.6 times as long.
        queries: how many of them ask.
        dimensions: of the vectors.
        seed: of the drawing.

    Returns:
        `photos`, `queries`, `dimensions`, `map_at_10`, the largest resident memory `peak_mb` of the process and that
        before the first search `loaded_mb` (vectors and libraries), `seconds`, and `full_matrix_mb`, which the scores
        of all pairs would need.
    """
    program = "import sys; from imgsim_bench.memory import report; report(*map(int, sys.argv[1:]))"
    line = [sys.executable, "-c", program, *map(str, (photos, queries, dimensions, seed))]
    done = subprocess.run(line, capture_output=True, text=True, check=True)  # noqa: S603  our own program
    found: dict[str, float] = json.loads(done.stdout)
    return found


def report(photos: int, queries: int, dimensions: int, seed: int) -> None:
    """Print what `measure_memory` returns, measured in this process."""
    from imgsim_assets.retrieval.ann.exact import ExactIndex
    from imgsim_assets.retrieval.ann.search import search
    from imgsim_assets.retrieval.average_precision import average_precision, mean_average_precision, relevance

    vectors, classes = draw_unit_vectors(photos, dimensions, seed)
    asked = np.linspace(0, photos - 1, queries).astype(np.int64)
    loaded = _peak_mb()
    started = time.perf_counter()
    index = ExactIndex(vectors)
    # One more than is listed: a photo finds itself first, and is taken off.
    ids = search(index, vectors, vectors[asked], LIST + 1).ids
    search(index, vectors, vectors[asked[:RERANKED]], LIST + 1, reciprocal=True)
    others = ids != asked[:, None]
    others[others.all(axis=1), -1] = False
    found, counts = relevance(ids[others].reshape(queries, LIST), classes[asked], classes)
    scores = average_precision(found, counts - 1, LIST)
    seconds = time.perf_counter() - started
    answer = {
        "photos": photos,
        "queries": queries,
        "dimensions": dimensions,
        "map_at_10": mean_average_precision(scores).value,
        "peak_mb": _peak_mb(),
        "loaded_mb": loaded,
        "seconds": seconds,
        "full_matrix_mb": 4.0 * photos * queries / MEGABYTE**2,
    }
    sys.stdout.write(json.dumps(answer))


def draw_unit_vectors(photos: int, dimensions: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Draw float32 [n, d] unit vectors and their classes, block by block: nothing of twice their size is ever held."""
    random = np.random.default_rng(seed)
    count = max(1, photos // PHOTOS_A_CLASS)
    centres = random.standard_normal((count, dimensions), dtype=np.float32)
    classes = np.arange(photos, dtype=np.int64) % count
    vectors = np.empty((photos, dimensions), dtype=np.float32)
    for start in range(0, photos, BLOCK):
        block = slice(start, min(start + BLOCK, photos))
        noise = random.standard_normal((block.stop - start, dimensions), dtype=np.float32)
        drawn = centres[classes[block]] + np.float32(SPREAD) * noise
        vectors[block] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return vectors, classes


def _peak_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
