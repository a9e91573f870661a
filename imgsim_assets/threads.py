"""The one place that sets thread counts: torch, OpenCV, FAISS, and the BLAS and OpenMP libraries below them.

Set apart, they multiply: each library starts one thread per core, and all of them at once.
"""

import functools
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

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
        set_torch_threads(count)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(count)
    _set_native_threads(count)
    # After the OpenMP library at large, since FAISS brings its own copy of it.
    if "faiss" in sys.modules:
        set_faiss_threads(count)
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


@contextmanager
def single_thread() -> Iterator[None]:
    """Keep BLAS and OpenMP to one thread inside the block, for the few steps whose last bits depend on their number.

    This is not for speed: sums split over threads are added in another order, a cluster or a neighbour may flip, and
    two machines would publish different submissions. A library that is loaded inside the block is not kept; SciPy's
    linear algebra, which has a BLAS of its own and is loaded where it is first needed, is loaded for it.
    """
    import scipy.linalg  # noqa: F401

    with _controller(len(sys.modules)).limit(limits=1):
        yield


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads inside the block."""
    import torch

    before = torch.get_num_threads()
    set_torch_threads(count)
    try:
        yield
    finally:
        set_torch_threads(before)


def set_torch_threads(count: int) -> None:
    """Let torch use so many threads, where it is called from this thread: OpenMP counts for each that calls it."""
    import torch

    torch.set_num_threads(count)


def set_faiss_threads(count: int) -> None:
    """Let FAISS use so many threads, where it is called from this thread."""
    import faiss

    faiss.omp_set_num_threads(count)


@functools.lru_cache(maxsize=1)
def _controller(modules: int) -> "ThreadpoolController":  # noqa: ARG001  it says when to look anew
    """Look for the libraries that are loaded: milliseconds, so only after a module was, which may have brought one."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _set_native_threads(count: int) -> None:
    from threadpoolctl import threadpool_limits

    # Kept, not undone: used as a function and not as a context.
    threadpool_limits(limits=count)
