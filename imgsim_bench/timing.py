"""How long a call takes."""

from collections.abc import Callable
from time import perf_counter


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that a call takes."""
    started = perf_counter()
    work()
    return perf_counter() - started
