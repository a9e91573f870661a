"""Parts of learning that do not hang on each other, several at once, each on one thread.

So all processors are used, and the same photos still give the same bytes, however many there are (`single_thread`).
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from imgsim_assets.threads import single_thread, threads_given, worker_threads

Item = TypeVar("Item")
Made = TypeVar("Made")

_thread = threading.local()


def side_by_side(work: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """Do `work` for each item, as many at once as libraries were given threads: what it gives, in their order.

    Parts of a part are done one after the other.
    """
    listed = list(items)
    workers = min(threads_given(), len(listed))
    # The one that waits holds the limit too: the first part to end would take it off all others.
    with single_thread():
        if workers < 2 or getattr(_thread, "is_part", False):
            yield from map(work, listed)
            return
        with worker_threads(workers, "imgsim-learn") as pool:
            yield from pool.map(lambda item: _alone(work, item), listed)


def _alone(work: Callable[[Item], Made], item: Item) -> Made:
    _thread.is_part = True
    with single_thread():  # OpenMP counts its threads for each thread that calls it
        return work(item)
