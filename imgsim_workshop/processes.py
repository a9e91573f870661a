"""Doing the same to many things in several processes, in their order."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any


@contextmanager
def ordered_map(workers: int, chunk: int = 1) -> Iterator[Callable[..., Iterator[Any]]]:
    """Give what `map` is, spread over `workers` new processes that get `chunk` things at once; with one it is `map`."""
    if workers <= 1:
        yield map
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield partial(pool.map, chunksize=chunk)
