"""The training of a linear projection in front of the GLRT metric: W and B estimated behind it, epoch by epoch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from imgsim_assets.retrieval.glrt import (
    LEAST_SHRINKAGE,
    LEAST_WITHIN_SHARE,
    ClassStatistics,
    Floats,
    GlrtMetric,
    Ints,
    class_statistics,
    metric_from_statistics,
)
from imgsim_assets.retrieval.pair_loss import find_scale, pair_log_ratios, pair_loss, split_pairs

if TYPE_CHECKING:
    from torch import Generator, Tensor

RATE = 0.02  # Adam's step, in units of the root mean square of the projection's entries
CLASSES_A_BATCH = 32
PHOTOS_A_CLASS = 8


def train_projection(
    coordinates: Floats, classes: Ints, shrinkage: float, seed: int
) -> Iterator[tuple[GlrtMetric, float]]:
    """Train from the closed form on, without end: after each epoch the metric, and the epoch's mean loss.

    The first is the closed form itself, with the loss of an epoch without steps. Without a direction nothing is given.

    Args:
        coordinates: float64 [n, k].
        classes: int [n]; two or more of them have two photos or more.
        shrinkage: 0..1, how far W is drawn towards a multiple of the identity, in the given coordinates.
        seed: of the batches.
    """
    import torch

    statistics = class_statistics(coordinates, classes)
    metric = metric_from_statistics(statistics, shrinkage)
    if not metric.between.any():
        return
    unit = float(np.sqrt((metric.projection**2).mean()))
    photos = _single((coordinates - statistics.origin) * unit)
    learned = _single(metric.projection / unit).requires_grad_()
    rows = [torch.from_numpy(np.flatnonzero(classes == number)) for number in repeated_classes(classes)]
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam([learned], lr=RATE)

    def draw_pairs(inner: "Tensor", between: "Tensor") -> "tuple[Tensor, Tensor]":
        chosen, owners = _draw_batch(rows, generator)
        return split_pairs(pair_log_ratios(photos[chosen] @ learned @ inner, between), owners)

    behind = torch.eye(len(metric.between)), _single(metric.between)
    scale = find_scale(*draw_pairs(*behind))
    batches = range(-(-len(coordinates) // (min(CLASSES_A_BATCH, len(rows)) * PHOTOS_A_CLASS)))
    yield metric, float(np.mean([float(pair_loss(*draw_pairs(*behind), scale).detach()) for _ in batches]))
    while True:
        losses = []
        for _ in batches:
            loss = pair_loss(*draw_pairs(*behind), scale)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(float(loss.detach()))
        projection = learned.detach().numpy().astype(np.float64) * unit
        inner = metric_from_statistics(restricted(statistics, shrinkage, projection), 0.0)
        behind = _single(inner.projection), _single(inner.between)
        composed = projection @ inner.projection
        yield GlrtMetric(statistics.origin, composed, inner.between, shrinkage), float(np.mean(losses))


def restricted(statistics: ClassStatistics, shrinkage: float, projection: Floats) -> ClassStatistics:
    """Take the statistics of photos in d dimensions, W shrunk there, through a projection float64 [d, r].

    Shrinking behind the projection instead would begin below the closed form: W of few photos looks too small in the
    very directions that were chosen for it.
    """
    inside = projection if statistics.basis is None else statistics.basis.T @ projection
    share, width = max(shrinkage, LEAST_SHRINKAGE), len(statistics.origin)
    scale = max(float(np.trace(statistics.within)), LEAST_WITHIN_SHARE * statistics.total_variance) / width
    within = (1.0 - share) * inside.T @ statistics.within @ inside + share * scale * projection.T @ projection
    means, origin = statistics.means @ inside, statistics.origin @ projection
    return ClassStatistics(means, statistics.counts, within, float(np.trace(within)), origin, None)


def repeated_classes(classes: Ints) -> Ints:
    """Give the classes of two photos or more, in rising order."""
    numbers, counts = np.unique(classes, return_counts=True)
    return np.asarray(numbers[counts > 1])


def _draw_batch(rows: "list[Tensor]", generator: "Generator") -> "tuple[Tensor, Tensor]":
    """Draw classes, and photos of each: rows of photos, and the number of each one's class."""
    import torch

    classes = torch.randperm(len(rows), generator=generator)[:CLASSES_A_BATCH].tolist()
    drawn = [rows[one][torch.randperm(len(rows[one]), generator=generator)[:PHOTOS_A_CLASS]] for one in classes]
    owners = torch.repeat_interleave(torch.tensor(classes), torch.tensor([len(part) for part in drawn]))
    return torch.cat(drawn), owners


def _single(values: Floats) -> "Tensor":
    import torch

    return torch.tensor(values, dtype=torch.float32)
