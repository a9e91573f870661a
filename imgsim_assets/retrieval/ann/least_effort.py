"""The least effort with which an index finds as much as is asked."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.agreement import recall_by_score
from imgsim_assets.retrieval.ann.protocol import Index, Vectors
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.ann.search import propose

Scores = npt.NDArray[np.float32]

PRECISION = 1.04  # two efforts whose ratio is below this are one
STRIDE = 2.0
FIRST_PROBES = 500  # tell roughly; all are asked only near there

Kind = TypeVar("Kind", bound=Index)


def with_least_effort(index: Kind, vectors: Vectors, probes: Vectors, exact: Scores, recall: float) -> Kind | None:
    """Find the least effort that reaches `recall`, to 4%; None: none does.

    What is found depends on the probes alone, not on how fast they are answered.

    Args:
        index: asked with its overfetch.
        vectors: float32 [n, d], what it holds.
        probes: float32 [p, d], queries to try it on, at least one.
        exact: float32 [p, 10], scores of their exact neighbours.
        recall: share of the exact neighbours that must be found, 0..1.
    """
    if index.effort is None:
        return index if reached(index, vectors, probes, exact) >= recall else None

    def found(effort: int, count: int) -> float:
        asked = index.asked_with(effort, index.overfetch)
        return reached(asked, vectors, evenly(probes, count), evenly(exact, count))

    least = min(index.least_effort, index.most_effort)
    effort = _least(lambda effort: found(effort, FIRST_PROBES), recall, index, least, STRIDE)
    if effort is not None and len(probes) > FIRST_PROBES:
        effort = _least(lambda effort: found(effort, len(probes)), recall, index, effort, PRECISION)
    return None if effort is None else index.asked_with(effort, index.overfetch)


def _least(found: Callable[[int], float], recall: float, index: Index, start: int, stride: float) -> int | None:
    """Find the least effort with which `recall` is found, looking from `start` on in strides that grow."""
    bracket = _bracket(found, recall, index, start, stride)
    if bracket is None:
        return None
    low, high = bracket
    while high - low > 1 and high > low * PRECISION:
        middle = min(max(round((low * high) ** 0.5), low + 1), high - 1)
        if found(middle) >= recall:
            high = middle
        else:
            low = middle
    return high


def _bracket(
    found: Callable[[int], float], recall: float, index: Index, start: int, stride: float
) -> tuple[int, int] | None:
    """Give an effort that is too little and one that is enough; twice the least where that is; None: none is."""
    before = found(start)
    if before >= recall:
        high = start
        while high > index.least_effort:
            low = max(min(round(high / stride), high - 1), index.least_effort)
            if found(low) < recall:
                return low, high
            high, stride = low, min(stride**2, STRIDE)
        return high, high
    low = start
    while low < index.most_effort:
        high = min(max(round(low * stride), low + 1), index.most_effort)
        now = found(high)
        if now >= recall:
            return low, high
        # Codes: with more to choose from, the wrong ones push the right ones out.
        if now <= before and stride == STRIDE:
            return None
        low, before, stride = high, now, min(stride**2, STRIDE)
    return None


def reached(index: Index, vectors: Vectors, probes: Vectors, exact: Scores) -> float:
    """Give the share of the exact neighbours that an index finds as it is set; what it lacks is not made up for."""
    k = min(exact.shape[1], index.size)
    return float(np.mean(recall_by_score(propose(index, vectors, probes, k)[1], exact[:, :k])))
