"""How far two ranked lists agree."""

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.protocol import MISSING
from imgsim_assets.retrieval.glrt import Floats, Ints

FLOAT_ERROR = 1e-6  # of a score: what float32 rounds off


def overlap(left: Ints, right: Ints) -> Floats:
    """Share of the photos of `right` that `left` lists too, per query: int [q, k] twice, float64 [q]; -1 is none."""
    present = right != MISSING
    shared = (right[:, :, None] == left[:, None, :]).any(axis=2) & present
    return np.asarray(shared.sum(axis=1) / np.maximum(present.sum(axis=1), 1))


def recall_by_score(found: npt.NDArray[np.floating], best: npt.NDArray[np.floating]) -> Floats:
    """Share of the best photos that were found, per query, where any that is as good as the last of them counts.

    By score, not by name: among photos of equal score it is chance which ones a list of the best has.

    Args:
        found: exact scores [q, k] of what was found, minus infinity for none; no photo twice.
        best: exact scores [q, k] of the best, minus infinity for none.

    Returns:
        float64 [q] in 0..1; 0 where there is nothing to find.
    """
    present = np.isfinite(best)
    largest = np.abs(np.where(present, best, 0.0)).max(axis=1, keepdims=True)
    bar = np.where(present, best, np.inf).min(axis=1, keepdims=True) - FLOAT_ERROR * largest
    return np.asarray((found >= bar).sum(axis=1) / np.maximum(present.sum(axis=1), 1), dtype=np.float64)


def rank_correlation(left: Ints, right: Ints) -> Floats:
    """Spearman's correlation of the ranks of the photos that both lists hold: float64 [q].

    NaN where they share fewer than two.
    """
    from scipy.stats import spearmanr

    correlations = np.full(len(left), np.nan)
    for query, (one, other) in enumerate(zip(left, right, strict=True)):
        shared, here, there = np.intersect1d(one, other, return_indices=True)
        here, there = here[shared != MISSING], there[shared != MISSING]
        if len(here) > 1:
            correlations[query] = float(spearmanr(here, there).statistic)
    return correlations
