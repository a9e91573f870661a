"""The few steps whose last bits depend on the number of threads run on one thread, wherever they run.

This is not a speed setting: sums split over threads are added in another order, a cluster or a neighbour may flip,
and two machines would publish different submissions.
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def single_thread() -> Iterator[None]:
    """Keep BLAS and OpenMP to one thread inside the block. Import the library concerned before entering it."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
