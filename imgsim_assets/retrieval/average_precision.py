"""AP@k of ranked lists and its mean with a bootstrap interval.

AP@k of a query with R relevant gallery photos is (1 / min(k, R)) * sum over ranks i <= k of
precision(i) * relevant(i). A query with R = 0 has no AP: it is NaN here, and counted apart.

Where only some gallery photos have a label, the others say nothing of a ranking: they are taken out of each list, and
the list is judged to the depth of what is left (condensed lists; Sakai, "Alternatives to Bpref", SIGIR 2007).
"""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.protocol import MISSING
from imgsim_assets.retrieval.label_codec import UNKNOWN

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BOOTSTRAP_BLOCK = 4_000_000


@dataclass(frozen=True)
class MeanAveragePrecision:
    """MAP with its 95% percentile interval over the queries that have a relevant photo."""

    value: float
    low: float
    high: float
    queries: int
    queries_without_relevant: int

    def as_dict(self) -> dict[str, float | int]:
        """Give the fields by name, ready for JSON."""
        return asdict(self)


def relevance(neighbours: Ints, query_labels: Ints, gallery_labels: Ints) -> tuple[Bools, Ints]:
    """Tell which neighbours are relevant, that is carry the query's label.

    Args:
        neighbours: int [queries, k] gallery rows, best first; -1 where a list is short.
        query_labels: int [queries]; -1 for none.
        gallery_labels: int [gallery]; -1 for none. A photo without a label is relevant to no query.

    Returns:
        bool [queries, k], and the number R of relevant gallery photos of each query, int [queries].

    Raises:
        ValueError: a neighbour is not a row of the gallery.
    """
    if neighbours.size and (neighbours.min() < MISSING or neighbours.max() >= len(gallery_labels)):
        raise ValueError(f"neighbours must be -1 or rows of a gallery of {len(gallery_labels)}")
    found = np.append(gallery_labels, UNKNOWN)[neighbours]
    relevant = (found == query_labels[:, None]) & (query_labels[:, None] != UNKNOWN)
    labels, sizes = np.unique(gallery_labels[gallery_labels != UNKNOWN], return_counts=True)
    if not len(labels):
        return relevant, np.zeros(len(query_labels), dtype=np.int64)
    place = np.minimum(np.searchsorted(labels, query_labels), len(labels) - 1)
    counts = np.where(labels[place] == query_labels, sizes[place], 0)
    return relevant, counts.astype(np.int64)


def average_precision(relevant: Bools, relevant_counts: Ints, k: int = 10, depths: Ints | None = None) -> Floats:
    """Score ranked lists.

    Args:
        relevant: bool [queries, listed], best first; only the first `k` columns count, and a list shorter
            than `k` is one that names nothing relevant after its end.
        relevant_counts: int [queries], relevant photos in the whole gallery (R).
        k: depth of the list.
        depths: int [queries], to which each list can be judged, where that is less deep; None: to `k`.

    Returns:
        float64 [queries] in 0..1; NaN where R or the depth is 0.

    Raises:
        ValueError: a list names more relevant photos than there are.
    """
    hits = relevant[:, :k]
    if np.any(hits.sum(axis=1) > relevant_counts):
        raise ValueError("a ranked list holds more relevant photos than the gallery: it repeats a photo")
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    total = np.where(hits, precision, 0.0).sum(axis=1)
    possible = np.minimum(relevant_counts, k if depths is None else np.minimum(depths, k))
    return np.asarray(np.divide(total, possible, out=np.full(len(total), np.nan), where=possible > 0))


def mean_average_precision(scores: Floats, samples: int = 2000, seed: int = 0) -> MeanAveragePrecision:
    """Average AP over the queries that have a relevant photo, with a bootstrap interval over queries.

    Args:
        scores: float64 [queries] AP, NaN for a query without relevant photos.
        samples: bootstrap samples.
        seed: of the bootstrap.

    Returns:
        The mean and its 95% percentile interval; all three NaN when no query can be scored.
    """
    known = scores[~np.isnan(scores)]
    without = len(scores) - len(known)
    if not len(known):
        return MeanAveragePrecision(np.nan, np.nan, np.nan, 0, without)
    low, high = bootstrap_interval(known, samples, seed)
    return MeanAveragePrecision(float(known.mean()), low, high, len(known), without)


def bootstrap_interval(values: Floats, samples: int, seed: int) -> tuple[float, float]:
    """Give the 95% percentile interval of the mean of `values` (float64 [n], n >= 1, no NaN).

    For a paired comparison pass the differences.
    """
    random = np.random.default_rng(seed)
    rows = max(1, BOOTSTRAP_BLOCK // len(values))
    means = [
        values[random.integers(0, len(values), size=(min(rows, samples - start), len(values)))].mean(axis=1)
        for start in range(0, samples, rows)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)
