"""How far two ranked lists agree."""

import numpy as np

from imgsim_assets.retrieval.ann.protocol import MISSING
from imgsim_assets.retrieval.glrt import Floats, Ints


def overlap(left: Ints, right: Ints) -> Floats:
    """Share of the photos of `right` that `left` lists too, per query: int [q, k] twice, float64 [q]; -1 is none."""
    present = right != MISSING
    shared = (right[:, :, None] == left[:, None, :]).any(axis=2) & present
    return np.asarray(shared.sum(axis=1) / np.maximum(present.sum(axis=1), 1))


def rank_correlation(left: Ints, right: Ints) -> Floats:
    """Spearman's correlation of the ranks of the photos that both lists hold: float64 [q].

    NaN where they share fewer than two.
    """
    from scipy.stats import rankdata

    correlations = np.full(len(left), np.nan)
    for query, (one, other) in enumerate(zip(left, right, strict=True)):
        shared, here, there = np.intersect1d(one, other, return_indices=True)
        here, there = here[shared != MISSING], there[shared != MISSING]
        if len(here) > 1:
            correlations[query] = float(np.corrcoef(rankdata(here), rankdata(there))[0, 1])
    return correlations
