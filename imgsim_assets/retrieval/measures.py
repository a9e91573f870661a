"""What is reported beside MAP@10: precision@1, recall@k, AP@10 of each class, and calibration.

Sources: the expected calibration error is that of Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated
Probabilities Using Bayesian Binning" (AAAI 2015); the Brier score that of Brier, "Verification of Forecasts Expressed
in Terms of Probability" (Monthly Weather Review 78, 1950).
"""

from collections.abc import Sequence, Sized
from dataclasses import dataclass

import numpy as np
import polars as pl

from imgsim_assets.retrieval.average_precision import Bools, Floats, Ints


@dataclass(frozen=True)
class Calibration:
    """How far a confidence can be taken as the share of correct answers.

    `expected_error` and `brier` are in 0..1, 0 the best, NaN without queries. `confidence` and `accuracy` are
    the means of each bin, float64 [b], `counts` its queries, int [b], at least 1; bins follow rising confidence.
    """

    expected_error: float
    brier: float
    confidence: Floats
    accuracy: Floats
    counts: Ints


def precision_at_1(relevant: Bools, relevant_counts: Ints) -> Floats:
    """Tell whether the first photo of each list is relevant.

    Args:
        relevant: bool [queries, listed], best first.
        relevant_counts: int [queries], relevant photos in the whole gallery (R).

    Returns:
        float64 [queries], 0 or 1; NaN where R is 0.

    Raises:
        ValueError: lengths that differ, or a list names more relevant photos than there are.
    """
    hits = _hits(relevant, relevant_counts, 1)
    return np.where(relevant_counts > 0, hits.astype(np.float64), np.nan)


def recall_at_k(relevant: Bools, relevant_counts: Ints, k: int = 10) -> Floats:
    """Give the share of the R relevant photos that the first `k` of each list hold.

    A class of more than `k` photos cannot reach 1: its best is k / R. AP@k, which divides by min(k, R), can.

    Args:
        relevant: bool [queries, listed], best first; only the first `k` columns count.
        relevant_counts: int [queries], relevant photos in the whole gallery (R).
        k: depth of the list.

    Returns:
        float64 [queries] in 0..1; NaN where R is 0.

    Raises:
        ValueError: lengths that differ, or a list names more relevant photos than there are.
    """
    hits = _hits(relevant, relevant_counts, k)
    return np.asarray(np.divide(hits, relevant_counts, out=np.full(len(hits), np.nan), where=relevant_counts > 0))


def per_class_average_precision(scores: Floats, labels: Sequence[str]) -> pl.DataFrame:
    """Average AP@10 over the queries of each class.

    Args:
        scores: float64 [queries] AP@10; NaN, a query without relevant photos, does not count.
        labels: the queries' labels.

    Returns:
        `label`, `queries`, `map_at_10`, the worst class first, equal ones by label; a class without a score is
        left out.

    Raises:
        ValueError: lengths that differ.
    """
    _same_length("labels", labels, scores)
    scored = ~np.isnan(scores)
    kept = [label for label, known in zip(labels, scored, strict=True) if known]
    queries = pl.DataFrame({"label": kept, "score": scores[scored]}, schema={"label": pl.String, "score": pl.Float64})
    # Sorted before it is averaged: sums of floats depend on their order.
    classes = queries.sort("label", "score").group_by("label", maintain_order=True)
    means = classes.agg(pl.len().cast(pl.Int64).alias("queries"), pl.col("score").mean().alias("map_at_10"))
    return means.sort("map_at_10", "label")


def calibration(confidence: Floats, correct: Bools, bins: int = 10) -> Calibration:
    """Compare confidences with what came true.

    The bins hold equally many queries, as far as ties allow: equal confidences share a bin, the one that their
    middle rank falls into, so the queries' order does not matter. A bin left empty by that is not listed.
    The Brier score is that of the one event "correct": half of Brier's sum over an event and its opposite.

    Args:
        confidence: float64 [queries] in 0..1, the probability given to "the answer is correct".
        correct: bool [queries].
        bins: at most so many, at least 1.

    Raises:
        ValueError: confidences outside 0..1, lengths that differ, or no bins.
    """
    _same_length("correct", correct, confidence)
    outside = ~((confidence >= 0.0) & (confidence <= 1.0))
    if outside.any():
        raise ValueError(f"expected confidences in 0..1, found {confidence[outside][0]}")
    if bins < 1:
        raise ValueError(f"expected at least 1 bin, found {bins}")
    if not len(confidence):
        return Calibration(np.nan, np.nan, np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64))
    values, rows, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
    right = np.bincount(rows, weights=correct)
    # Twice the middle rank, and twice the number of queries below: whole numbers, so that no bin's edge is rounded.
    middles = 2 * np.cumsum(sizes) - sizes
    _, starts = np.unique(middles * bins // (2 * len(confidence)), return_index=True)
    counts = np.add.reduceat(sizes, starts)
    means = np.add.reduceat(values * sizes, starts) / counts
    accuracy = np.add.reduceat(right, starts) / counts
    error = float(np.average(np.abs(means - accuracy), weights=counts))
    brier = float((right * (1.0 - values) ** 2 + (sizes - right) * values**2).sum() / len(confidence))
    return Calibration(error, brier, means, accuracy, counts.astype(np.int64))


def _hits(relevant: Bools, relevant_counts: Ints, k: int) -> Ints:
    _same_length("relevant counts", relevant_counts, relevant)
    hits = relevant[:, :k].sum(axis=1)
    if np.any(hits > relevant_counts):
        raise ValueError("a ranked list holds more relevant photos than the gallery: it repeats a photo")
    return np.asarray(hits, dtype=np.int64)


def _same_length(name: str, found: Sized, queries: Sized) -> None:
    if len(found) != len(queries):
        raise ValueError(f"expected {len(queries)} {name}, one for each query; found {len(found)}")
