"""The one place that sets thread counts: torch, OpenCV, FAISS, and the BLAS and OpenMP libraries below them.

Set apart, they multiply: each library starts one thread per core, and all of them at once.
"""

import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
# Read by libraries when they are loaded, so they also reach those that come after the call.
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def set_threads(threads: int) -> int:
    """Let every library that computes use so many threads, whether it is loaded yet or not.

    Nothing is imported for it: a library that is not there costs nothing.

    Args:
        threads: 0 for one per core available to this process.

    Returns:
        The number set.
    """
    count = thread_count(threads)
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


def thread_count(threads: int) -> int:
    """Turn the setting into a number: 0 is one per core available to this process."""
    return threads or available_cores()


def available_cores() -> int:
    """Count the cores this process may use: its affinity, and its container's quota where there is one."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min(cores, read_quota(CGROUP_QUOTA) or cores))


def read_quota(path: Path) -> int | None:
    """Read a control group's processor quota (`"QUOTA PERIOD"` in microseconds), in whole cores rounded up."""
    try:
        quota, period = path.read_text(encoding="ascii").split()
        return math.ceil(int(quota) / int(period))
    # No such file outside Linux containers; "max" where there is no limit.
    except (OSError, ValueError):
        return None


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
