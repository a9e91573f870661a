"""Vectors to measure indices on: drawn ones, and those that a state folder serves."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from imgsim_assets.assets.keys import GALLERY, QUERIES
from imgsim_assets.assets.search.vectors import open_probes, open_vectors
from imgsim_assets.errors import InputError
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_bench.indices import Task
from imgsim_bench.vectors import Mixture, Vectors, draw_mixture

SIZES = ("1000x512", "10000x512", "100000x512")
ASKED = 4000
MAPPED_FROM = 1_000_000_000  # bytes


def read_size(words: str) -> tuple[int, int]:
    """Read "COUNTxDIMENSIONS".

    Raises:
        InputError: it is something else.
    """
    if not (found := re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)", words)):
        raise InputError("COUNTxDIMENSIONS, e.g. 10000x512", words, "say how many vectors of how many dimensions")
    return int(found[1]), int(found[2])


def read_tasks(settings: Settings, sizes: Sequence[str], *, served: bool, asked: int = ASKED) -> Iterator[Task]:
    """Make what is asked for, one after the other; nothing asked for is the usual sizes.

    Args:
        settings: where the served vectors are.
        sizes: of drawn vectors, "COUNTxDIMENSIONS".
        served: also the vectors that are served.
        asked: how many drawn queries are asked in a batch.

    Raises:
        InputError: a size is none.
        ArtefactError: the served vectors are asked for and there are none.
    """
    read = [read_size(words) for words in sizes or (() if served else SIZES)]
    if served:
        yield served_task(settings)
    for count, dimensions in read:
        yield drawn_task(count, dimensions, asked)


def drawn_task(count: int, dimensions: int, asked: int = ASKED) -> Task:
    """Draw vectors, with probes and queries of the same classes. A gigabyte or more is mapped from a file."""
    mixture = draw_mixture(count, dimensions, seed=0)
    vectors = mixture.draw(count, seed=1) if 4 * count * dimensions < MAPPED_FROM else _mapped(mixture, count)
    probes, queries = mixture.draw(ASKED, seed=2), mixture.draw(asked, seed=3)
    return Task(f"{count:,} drawn vectors of {dimensions} dimensions", vectors, probes, queries)


def served_task(settings: Settings) -> Task:
    """Take the vectors that are served, and the queries that the test photos are.

    Raises:
        ArtefactError: nothing is served yet.
    """
    store = Store(state=str(settings.places.state))
    _, vectors = open_vectors(store, GALLERY)
    _, queries = open_vectors(store, QUERIES)
    name = f"{len(vectors):,} served vectors of {vectors.shape[1]} dimensions"
    return Task(name, np.ascontiguousarray(vectors), open_probes(store), np.ascontiguousarray(queries))


def _mapped(mixture: Mixture, count: int) -> Vectors:
    """Write vectors to a file that nobody else sees, and map it."""
    with tempfile.NamedTemporaryFile() as file:
        for block in mixture.blocks(count, seed=1):
            file.write(block.tobytes())
        file.flush()
        return np.memmap(Path(file.name), np.float32, mode="r", shape=(count, len(mixture.spread)))
