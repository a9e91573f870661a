"""The few steps whose last bits depend on the number of threads run on one thread, wherever they run.

This is not a speed setting: sums split over threads are added in another order, a cluster or a neighbour may flip,
and two machines would publish different submissions.
"""

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def single_thread() -> Iterator[None]:
    """Keep BLAS and OpenMP to one thread inside the block. Import the library concerned before entering it."""
    with _controller(len(sys.modules)).limit(limits=1):
        yield


@functools.lru_cache(maxsize=1)
def _controller(modules: int) -> "ThreadpoolController":  # noqa: ARG001  it says when to look anew
    """Look for the libraries that are loaded: milliseconds, so only after a module was, which may have brought one."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
