"""A linear projection in front of the GLRT metric, learned by gradient, kept where held-out photos gain by it.

Source: the learning of Zhang et al. (arXiv 2410.05773), in this project's instantiation. W and B are estimated anew
behind the projection, which undoes every invertible map: what is learned is a subspace, and it starts at the closed
form's.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from threading import Lock

import numpy as np

from imgsim_assets.retrieval.class_sets import ClassMeans, class_posterior, fit_temperature
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.folds import grouped_folds
from imgsim_assets.retrieval.glrt import Floats, GlrtMetric, Ints, fit_glrt
from imgsim_assets.retrieval.projection_training import repeated_classes, train_projection
from imgsim_assets.threads import single_thread, torch_threads

EPOCHS = 20
PATIENCE = 4
FOLDS = 5
LEAST_ASKED = 10
MOST_ASKED = 2000
STANDARD_ERRORS = 2.0
TORCH = Lock()  # its number of threads is one for all who learn at once


@dataclass(frozen=True)
class CurvePoint:
    """An epoch's mean loss, and after it the mean log posterior of held-out photos' classes; epoch 0: the start."""

    epoch: int
    loss: float
    held_out: float


@dataclass(frozen=True)
class LearnedProjection:
    """The GLRT metric with the learned projection in it; it takes given coordinates [n, k].

    `curve` is that of four fifths of the photos. Where `kept_epoch` is 0 the metric is the closed form.
    """

    metric: GlrtMetric
    curve: tuple[CurvePoint, ...]
    kept_epoch: int


def learn_projection(photos: Examples, shrinkage: float, seed: int = 0, epochs: int = EPOCHS) -> LearnedProjection:
    """Learn on four fifths of each class for as many epochs as the last fifth gains, then as long on all photos.

    The closed form stays unless the gain is beyond chance: more than two standard errors, photo by photo. On one
    thread, so that the same photos and seed give the same bytes.

    Args:
        photos: to learn from.
        shrinkage: 0..1, how far W is drawn towards a multiple of the identity, in the given coordinates.
        seed: of the batches.
        epochs: at most.

    Returns:
        The closed form with an empty curve where there is nothing to learn from, or fewer than ten photos to ask.

    Raises:
        ValueError: no photos, values that are not finite, or lengths that differ.
    """
    with TORCH, single_thread(), torch_threads(1):
        return _learn(photos, shrinkage, seed, epochs)


def _learn(photos: Examples, shrinkage: float, seed: int, epochs: int) -> LearnedProjection:
    coordinates, classes = np.asarray(photos.coordinates, dtype=np.float64), photos.classes
    closed_form = fit_glrt(coordinates, classes, shrinkage)
    fold = grouped_folds(classes, photos.groups, FOLDS, seed=None)
    kept = np.flatnonzero(fold > 0)
    asked = np.flatnonzero((fold == 0) & np.isin(classes, classes[kept]))
    if len(asked) < LEAST_ASKED or len(repeated_classes(classes[kept])) < 2 or not closed_form.between.any():
        return LearnedProjection(closed_form, (), 0)
    asked = asked[:: -(-len(asked) // MOST_ASKED)]
    curve, chosen = _follow(
        train_projection(coordinates[kept], classes[kept], shrinkage, seed),
        functools.partial(
            _evidence, ClassMeans.of(coordinates[kept], classes[kept]), coordinates[asked], classes[asked]
        ),
        epochs,
    )
    if not chosen:
        return LearnedProjection(closed_form, curve, 0)
    # Not the projection of the four fifths: the last fifth adds more to the closed form than learning does.
    training = train_projection(coordinates, classes, shrinkage, seed)
    metric, _ = next(islice(training, chosen, None))
    return LearnedProjection(metric, curve, chosen)


def _follow(
    training: Iterator[tuple[GlrtMetric, float]], ask: Callable[[GlrtMetric], Floats], epochs: int
) -> tuple[tuple[CurvePoint, ...], int]:
    """Ask the held-out photos after each epoch until they gain no more.

    Returns:
        The curve, and the best epoch whose gain is beyond chance; 0: none is.
    """
    curve: list[CurvePoint] = []
    start, top, chosen = np.empty(0), 0, 0
    for epoch, (metric, loss) in enumerate(islice(training, epochs + 1)):
        evidence = ask(metric)
        curve.append(CurvePoint(epoch, loss, float(evidence.mean())))
        start = start if epoch else evidence
        if curve[epoch].held_out > curve[top].held_out:
            top = epoch
            chosen = epoch if _beyond_chance(evidence - start) else chosen
        if epoch - top >= PATIENCE:
            break
    return tuple(curve), chosen


def _beyond_chance(gains: Floats) -> bool:
    from scipy.stats import sem

    return bool(gains.mean() > STANDARD_ERRORS * sem(gains))


def _evidence(known: ClassMeans, asked: Floats, truth: Ints, metric: GlrtMetric) -> Floats:
    """Give the log posterior of the class of each photo, [q, k] and int [q], at the best temperature: float64 [q]."""
    ratios, columns = known.log_ratios(metric, asked), np.searchsorted(known.numbers, truth)
    right = class_posterior(ratios, fit_temperature(ratios, columns))[np.arange(len(asked)), columns]
    return np.asarray(np.log(np.maximum(right, np.finfo(np.float64).tiny)))
