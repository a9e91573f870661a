"""The least effort with which an index finds as much as is asked."""

from typing import TypeVar

import numpy as np

from imgsim_assets.retrieval.agreement import overlap
from imgsim_assets.retrieval.ann.protocol import Ids, Index, Vectors
from imgsim_assets.retrieval.ann.search import propose

PRECISION = 1.04  # two efforts whose ratio is below this are one

Kind = TypeVar("Kind", bound=Index)


def with_least_effort(index: Kind, vectors: Vectors, probes: Vectors, exact: Ids, recall: float) -> Kind | None:
    """Find the least effort that reaches `recall`, to 4%; None: none does.

    What is found depends on the probes alone, not on how fast they are answered.

    Args:
        index: asked with its overfetch.
        vectors: float32 [n, d], what it holds.
        probes: float32 [p, d], queries to try it on, at least one.
        exact: int64 [p, 10], their exact neighbours.
        recall: share of the exact neighbours that must be found, 0..1.
    """
    if index.effort is None:
        return index if reached(index, vectors, probes, exact) >= recall else None
    low, high, before = 0, min(index.least_effort, index.most_effort), -1.0
    while (found := reached(index.asked_with(high, index.overfetch), vectors, probes, exact)) < recall:
        # Codes: with more to choose from, the wrong ones push the right ones out.
        if high >= index.most_effort or found <= before:
            return None
        low, high, before = high, min(2 * high, index.most_effort), found
    while low and high - low > 1 and high > low * PRECISION:
        middle = min(max(round((low * high) ** 0.5), low + 1), high - 1)
        if reached(index.asked_with(middle, index.overfetch), vectors, probes, exact) >= recall:
            high = middle
        else:
            low = middle
    return index.asked_with(high, index.overfetch)


def reached(index: Index, vectors: Vectors, probes: Vectors, exact: Ids) -> float:
    """Give the share of the exact neighbours that an index finds as it is set; what it lacks is not made up for."""
    k = min(exact.shape[1], index.size)
    return float(np.mean(overlap(propose(index, vectors, probes, k)[0], exact[:, :k])))
