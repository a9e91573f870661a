"""The metric-learning losses that imgsim is compared with: one linear head, one optimiser, one budget, many losses.

Losses and miners are those of pytorch-metric-learning at its defaults (Musgrave, Belongie and Lim, "A Metric Learning
Reality Check", ECCV 2020, is why head, optimiser and budget are shared).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.folds import grouped_folds
from imgsim_assets.retrieval.glrt import Floats, Ints

LOSSES = ("ArcFace", "SubCenterArcFace", "ProxyAnchor", "SupCon", "MultiSimilarity", "Triplet")
WITH_PROXIES = frozenset({"ArcFace", "SubCenterArcFace", "ProxyAnchor"})
WIDTH = 256
CLASSES_A_BATCH, PHOTOS_A_CLASS = 32, 4
STEP, PROXY_STEP, WEIGHT_DECAY = 1e-3, 1e-2, 1e-4
BATCHES_A_ROUND = 20
HELD_OUT_FOLDS = 5


@dataclass(frozen=True)
class LinearHead:
    """What a loss has learned: `x @ weights`, float64 [k, m], compared by cosine.

    `proxies`, float64 [c * s, m] (s to a class, in the order of the class numbers), score classes; None: it has none.
    """

    weights: Floats
    proxies: Floats | None
    rounds: int

    def embed(self, coordinates: Floats) -> npt.NDArray[np.float32]:
        """Take photos [n, k] to float32 [n, m] of norm 1."""
        return normalise(coordinates @ self.weights).astype(np.float32)

    def class_scores(self, coordinates: Floats, count: int) -> npt.NDArray[np.float32]:
        """Score photos [n, k] for each of `count` classes by the best of its proxies: float32 [n, count]."""
        if self.proxies is None:
            raise ValueError("this loss has no proxies")
        cosines = self.embed(coordinates) @ normalise(self.proxies).T
        return np.asarray(cosines.reshape(len(coordinates), count, -1).max(axis=2), dtype=np.float32)


def train_head(
    name: str, coordinates: Floats, classes: Ints, *, budget: float, seed: int, most_rounds: int = 10_000
) -> LinearHead:
    """Train until the budget is used, and keep the round that ranked a held-out fifth of train best.

    Args:
        name: one of `LOSSES`.
        coordinates: float64 [n, k], scaled here so that the mean squared length is 1.
        classes: int [n] in 0..c-1, each with at least one photo.
        budget: seconds.
        seed: of start and batches.
        most_rounds: ends training earlier, so that a test does not depend on the clock.
    """
    import torch

    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # the losses draw their proxies from the global generator
        torch.set_num_threads(1)
        try:
            return _train(name, coordinates, classes, end=time.monotonic() + budget, seed=seed, most_rounds=most_rounds)
        finally:
            torch.set_num_threads(threads)


def _train(name: str, coordinates: Floats, classes: Ints, *, end: float, seed: int, most_rounds: int) -> LinearHead:
    import torch

    width = min(WIDTH, coordinates.shape[1])
    loss, miner = _loss(name, int(classes.max()) + 1, width)
    scale = float(np.sqrt((coordinates**2).sum(axis=1).mean())) or 1.0
    photos = torch.from_numpy((coordinates / scale).astype(np.float32))
    labels = torch.from_numpy(classes)
    # The first principal coordinates: no loss can begin worse than centred cosine in them.
    weights = torch.nn.Parameter(torch.eye(photos.shape[1], width))
    groups = [{"params": [weights], "lr": STEP}]
    proxies = list(loss.parameters())
    if proxies:
        groups.append({"params": proxies, "lr": PROXY_STEP})
    optimiser = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    held_out = grouped_folds(classes, np.arange(len(classes)), HELD_OUT_FOLDS, seed=None) == 0
    batches = _batches(np.flatnonzero(~held_out), classes, np.random.default_rng(seed))
    best, kept, rounds = -1.0, LinearHead(weights.detach().double().numpy().copy(), None, 0), 0
    while rounds == 0 or (time.monotonic() < end and rounds < most_rounds):
        for _ in range(BATCHES_A_ROUND):
            rows = torch.from_numpy(next(batches))
            vectors = torch.nn.functional.normalize(photos[rows] @ weights, dim=1)
            value = loss(vectors, labels[rows], miner(vectors, labels[rows]) if miner else None)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
        rounds += 1
        head = LinearHead(weights.detach().double().numpy() / scale, _proxies(name, loss), rounds)
        reached = _held_out_map(head, coordinates, classes, held_out)
        if reached > best:
            best, kept = reached, head
    return kept


def _loss(name: str, count: int, width: int) -> tuple[Any, Any]:
    from pytorch_metric_learning import losses, miners

    made: dict[str, Any] = {
        "ArcFace": lambda: (losses.ArcFaceLoss(count, width), None),
        "SubCenterArcFace": lambda: (losses.SubCenterArcFaceLoss(num_classes=count, embedding_size=width), None),
        "ProxyAnchor": lambda: (losses.ProxyAnchorLoss(count, width), None),
        "SupCon": lambda: (losses.SupConLoss(), None),
        "MultiSimilarity": lambda: (losses.MultiSimilarityLoss(), miners.MultiSimilarityMiner()),
        "Triplet": lambda: (losses.TripletMarginLoss(), miners.TripletMarginMiner(type_of_triplets="semihard")),
    }
    loss, miner = made[name]()
    return loss, miner


def _proxies(name: str, loss: Any) -> Floats | None:  # noqa: ANN401  a loss of the library
    if name not in WITH_PROXIES:
        return None
    # [c, m] where they are called proxies, [m, c * s] where they are called W.
    values = loss.proxies.detach() if name == "ProxyAnchor" else loss.W.detach().T
    return np.asarray(values.double().numpy().copy())


def _batches(rows: Ints, classes: Ints, random: np.random.Generator) -> Iterator[Ints]:
    """Draw batches of equally many photos of each of some classes, without end; a small class repeats its photos."""
    members = [rows[classes[rows] == number] for number in np.unique(classes[rows])]
    while True:
        drawn = random.permutation(len(members))[:CLASSES_A_BATCH]
        yield np.concatenate(
            [random.choice(members[one], PHOTOS_A_CLASS, replace=len(members[one]) < PHOTOS_A_CLASS) for one in drawn]
        )


def _held_out_map(head: LinearHead, coordinates: Floats, classes: Ints, held_out: npt.NDArray[np.bool_]) -> float:
    vectors = head.embed(coordinates)
    found, _ = exact_neighbours(vectors[~held_out], vectors[held_out], LIST)
    scores = average_precision(*relevance(found, classes[held_out], classes[~held_out]))
    return float(np.nanmean(scores)) if not np.isnan(scores).all() else 0.0
