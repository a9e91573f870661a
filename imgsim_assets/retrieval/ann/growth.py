"""An index that takes in new photos, where what it learned from the others still serves."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from imgsim_assets.retrieval.ann.copies import Copies, share
from imgsim_assets.retrieval.ann.faiss_index import LEARNED, load_faiss, read_faiss
from imgsim_assets.retrieval.ann.protocol import Ids, Index, Vectors
from imgsim_assets.retrieval.ann.rows import BLOCK, evenly

LARGEST = 1.1  # times as many as it was built from; then lists, codes and links are learned anew


@dataclass(frozen=True)
class Gallery:
    """Photos by unique name with their vectors, float32 [n, d], row for row."""

    names: pl.Series
    vectors: Vectors


def grow(path: Path, before: Gallery, built_from: int, now: Gallery) -> Index | None:
    """Add to the FAISS index in `path` the photos that have come; None: it has to be built anew.

    So it is where it learned nothing (a flat index is as quickly built), where a photo is gone or has another vector,
    and where more than a tenth has come since it was built. A copy of a photo that is there adds no vector.

    Args:
        path: the index over `before`; the file is left as it is.
        before: what it holds.
        built_from: how many distinct vectors it was built from; the others were added.
        now: what it shall hold.
    """
    held, wanted = Copies.among(before.vectors), Copies.among(now.vectors)
    if len(wanted.first) > LARGEST * built_from:
        return None
    mapped = load_faiss(path, before.vectors.shape[1])
    if mapped.kind not in LEARNED:
        return None
    rows = _rows_now(before, now)
    if rows is None:
        return None
    places = wanted.number[rows[held.first]][mapped.rows]
    new = np.setdiff1d(np.arange(len(wanted.first)), places, assume_unique=True)
    index = read_faiss(path, before.vectors.shape[1])
    index.add(now.vectors[wanted.first[new]], now.vectors[wanted.first[places[:built_from]]])
    index.renumber(np.concatenate([places, new]))
    return share(index, now.vectors, wanted)


def seconds_to_add(path: Path, vectors: Vectors, portion: float = 0.01) -> float:
    """Time adding a `portion` of `vectors` once more to a copy of the FAISS index in `path`, which holds them."""
    index = read_faiss(path, vectors.shape[1])
    more = evenly(vectors, max(1, round(portion * len(vectors))))
    started = perf_counter()
    index.add(more, vectors)
    return perf_counter() - started


def _rows_now(before: Gallery, now: Gallery) -> Ids | None:
    """Give the row that each photo of `before` has now: int64 [m]; None: one is gone or has another vector."""
    present = pl.DataFrame({"name": now.names}).with_row_index("row")
    found = pl.DataFrame({"name": before.names}).join(present, on="name", how="left", maintain_order="left")["row"]
    if found.null_count() or before.vectors.shape[1] != now.vectors.shape[1]:
        return None
    rows = found.to_numpy().astype(np.int64)
    starts = range(0, len(rows), BLOCK)
    same = all(
        np.array_equal(before.vectors[start : start + BLOCK], now.vectors[rows[start : start + BLOCK]])
        for start in starts
    )
    return rows if same else None
