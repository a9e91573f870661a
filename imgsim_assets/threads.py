"""The one place that sets thread counts: torch, OpenCV, FAISS, and the BLAS and OpenMP libraries below them.

Set apart, they multiply: each library starts one thread per core, and all of them at once.
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

# Read by libraries when they are loaded, so they also reach those that come after the call.
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

_given = 1


def set_threads(threads: int) -> int:
    """Let every library that computes use so many threads, whether it is loaded yet or not.

    Nothing is imported for it: a library that is not there costs nothing.

    Args:
        threads: 0 for one per core available to this process.

    Returns:
        The number set.
    """
    global _given  # noqa: PLW0603  as global as the threads of the libraries
    _given = count = thread_count(threads)
    for variable in VARIABLES:
        os.environ[variable] = str(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(count)
    _set_native_threads(count)
    # After the OpenMP library at large, since FAISS brings its own copy of it.
    if "faiss" in sys.modules:
        sys.modules["faiss"].omp_set_num_threads(count)
    return count


def threads_given() -> int:
    """Give the number that was set last; 1: none was."""
    return _given


def thread_count(threads: int) -> int:
    """Turn the setting into a number: 0 is one per core that this process, and its container, may use."""
    if threads:
        return threads
    import joblib

    return int(joblib.cpu_count())


@contextmanager
def worker_threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Give a pool of threads; what has not begun where the block is left is not begun any more."""
    pool = ThreadPoolExecutor(count, name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _set_native_threads(count: int) -> None:
    from threadpoolctl import threadpool_limits

    # Kept, not undone: used as a function and not as a context.
    threadpool_limits(limits=count)
