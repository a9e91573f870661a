"""Labels for photos without one, from the clusters they fall in."""

from dataclasses import dataclass

import numpy as np

from imgsim_assets.retrieval.clusters import Clusters
from imgsim_assets.retrieval.glrt import Floats


@dataclass(frozen=True)
class PseudoLabels:
    """One per photo: its label or pseudo-label, and the confidence in it, float64 [n] in 0..1."""

    labels: list[str]
    confidence: Floats


def pseudo_labels(clusters: Clusters, labels: list[str | None]) -> PseudoLabels:
    """Name every photo.

    A labelled photo keeps its label, with confidence 1. Another gets the most frequent label of its cluster
    (ties by name) with confidence membership x m / (l + 1), m of the cluster's l labelled photos carrying that
    label: one labelled photo alone never makes a cluster certain. Where a cluster holds no labels its own
    name, `cluster_0017`, is the pseudo-label, with the membership as confidence.

    Args:
        clusters: of all photos.
        labels: one per photo, None for none; None for every test photo.
    """
    votes: dict[int, dict[str, int]] = {}
    for number, label in zip(clusters.numbers.tolist(), labels, strict=True):
        if label is not None:
            ballot = votes.setdefault(number, {})
            ballot[label] = ballot.get(label, 0) + 1
    taken = {label for label in labels if label is not None}
    winners = {number: _winner(ballot) for number, ballot in votes.items()}
    named: list[str] = []
    confidence = np.ones(len(labels))
    for row, (number, label) in enumerate(zip(clusters.numbers.tolist(), labels, strict=True)):
        guess, share = winners.get(number, (_cluster_name(number, taken), 1.0))
        named.append(guess if label is None else label)
        if label is None:
            confidence[row] = clusters.membership[row] * share
    return PseudoLabels(named, confidence)


def _winner(ballot: dict[str, int]) -> tuple[str, float]:
    label, count = min(ballot.items(), key=lambda vote: (-vote[1], vote[0]))
    return label, count / (sum(ballot.values()) + 1)


def _cluster_name(number: int, taken: set[str]) -> str:
    name = f"cluster_{number:04d}"
    while name in taken:
        name = f"_{name}"
    return name
