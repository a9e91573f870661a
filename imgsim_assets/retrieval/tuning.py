"""What photos that were not learned from choose: how far W is shrunk, and by what log odds are divided."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.class_sets import ClassMeans, fit_temperature, log_loss
from imgsim_assets.retrieval.fine_tuned import NO_WEIGHT, FineTunedWeight
from imgsim_assets.retrieval.glrt import Floats, GlrtMetric, Ints, class_statistics, metric_from_statistics
from imgsim_assets.retrieval.logistic import fit_logistic
from imgsim_assets.retrieval.side_by_side import side_by_side
from imgsim_assets.threads import single_thread

SHRINKAGES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
FOLDS = 5
LOGISTIC_FOLDS = 2
ASKED_A_FOLD = 2000


@dataclass(frozen=True)
class Tuning:
    """How far W is shrunk, 0..1, and by what ratios, logits and the sum of both are divided to be log probabilities.

    `fine_tuned` says how the class scores of fine-tuned networks are added to that.
    """

    shrinkage: float
    glrt: float
    logistic: float
    both: float
    fine_tuned: FineTunedWeight = NO_WEIGHT

    def fused(self, ratios: Floats, logits: Floats) -> Floats:
        """Add the calibrated log odds of both experts, [q, c] each, and calibrate the sum."""
        return (ratios / self.glrt + logits / self.logistic) / self.both


WITHOUT_EVIDENCE = Tuning(shrinkage=0.5, glrt=20.0, logistic=1.0, both=1.0)

FitMetric = Callable[[Floats, Ints, float], GlrtMetric]


def closed_form(coordinates: Floats, classes: Ints, shrinkage: float) -> GlrtMetric:
    """Fit the GLRT metric on photos [n, k] in closed form."""
    return metric_from_statistics(class_statistics(coordinates, classes), shrinkage)


def tune(
    coordinates: Floats, classes: Ints, shrinkage: float | str, *, logistic: bool, fit: FitMetric = closed_form
) -> Tuning:
    """Choose by five-fold cross-validation: four fifths are learned from, the class of the last is asked.

    The shrinkage with the highest mean log posterior of the right class wins, at its own best temperature, or
    over-confidence alone would decide. Log posterior and not MAP: it agrees with MAP to within noise and is far
    smoother. On one thread, so that the same photos give the same numbers.

    Args:
        coordinates: float64 [n, k].
        classes: int [n], no -1.
        shrinkage: 0..1, or `"auto"`.
        logistic: whether logistic regression takes part, which two of the folds calibrate.
        fit: makes the metric whose temperature is fitted; the shrinkage is chosen for the closed form.

    Returns:
        `WITHOUT_EVIDENCE`, with the shrinkage if one is given, where no class has photos on both sides.
    """
    asked = list(held_out_folds(classes))
    shares = SHRINKAGES if isinstance(shrinkage, str) else (float(shrinkage),)
    if not asked:
        return WITHOUT_EVIDENCE if len(shares) > 1 else replace(WITHOUT_EVIDENCE, shrinkage=shares[0])
    with single_thread():
        tuning = choose_shrinkage(shares, *_ratios(coordinates, classes, asked, shares))
        if not logistic and fit is closed_form:
            return tuning
        return _with_experts(tuning, coordinates, classes, asked[:LOGISTIC_FOLDS], fit, logistic=logistic)


def choose_shrinkage(shares: Sequence[float], ratios: Sequence[Floats], truth: Ints) -> Tuning:
    """Choose the shrinkage under which photos that took no part in the fit are most likely of their class.

    Args:
        shares: shrinkages.
        ratios: log ratios float64 [q, c] under each of them.
        truth: int [q], the column of each photo's class.
    """
    temperatures = [fit_temperature(one, truth) for one in ratios]
    evidence = [-log_loss(one / by, truth) for one, by in zip(ratios, temperatures, strict=True)]
    best = int(np.argmax(evidence))
    return Tuning(shares[best], temperatures[best], 1.0, 1.0)


def calibrate(tuning: Tuning, ratios: Floats, logits: Floats, truth: Ints) -> Tuning:
    """Add the temperatures of logits, and of their sum with log ratios, of photos not seen by either: [q, c] each."""
    alone = fit_temperature(logits, truth)
    both = fit_temperature(replace(tuning, logistic=alone, both=1.0).fused(ratios, logits), truth)
    return replace(tuning, logistic=alone, both=both)


def balanced_folds(classes: Ints, folds: int) -> Ints:
    """Deal each class's photos out to the folds in turn, in their order: int [n] in 0..folds-1."""
    _, rows = np.unique(classes, return_inverse=True)
    order = np.argsort(rows, kind="stable")
    fold = np.empty(len(classes), dtype=np.int64)
    fold[order] = np.arange(len(classes)) % folds
    return fold


def held_out_folds(classes: Ints) -> Iterator[tuple[npt.NDArray[np.bool_], Ints]]:
    """Give, fold by fold, which photos are kept and the rows that are asked: those whose class is among the kept."""
    fold = balanced_folds(classes, FOLDS)
    for number in range(FOLDS):
        kept = fold != number
        asked = np.flatnonzero(np.isin(classes, classes[kept]) & ~kept)
        if len(np.unique(classes[kept])) > 1 and len(asked):
            step = -(-len(asked) // ASKED_A_FOLD)
            yield kept, asked[::step]


def _ratios(
    coordinates: Floats, classes: Ints, held_out: list[tuple[npt.NDArray[np.bool_], Ints]], shares: tuple[float, ...]
) -> tuple[list[Floats], Ints]:
    """Score all asked photos for every class under each shrinkage; minus infinity for a class not among the kept."""
    numbers = np.unique(classes)

    def of_fold(fold: tuple[npt.NDArray[np.bool_], Ints]) -> list[Floats]:
        kept, rows = fold
        statistics = class_statistics(coordinates[kept], classes[kept])
        known = ClassMeans.of(coordinates[kept], classes[kept])
        found = []
        for share in shares:
            ratios = known.log_ratios(metric_from_statistics(statistics, share), coordinates[rows])
            found.append(np.full((len(rows), len(numbers)), -np.inf))
            found[-1][:, np.searchsorted(numbers, known.numbers)] = ratios
        return found

    asked = np.concatenate([rows for _, rows in held_out])
    parts = zip(*side_by_side(of_fold, held_out), strict=True)
    return [np.concatenate(part) for part in parts], np.searchsorted(numbers, classes[asked])


def _with_experts(
    tuning: Tuning,
    coordinates: Floats,
    classes: Ints,
    held_out: list[tuple[npt.NDArray[np.bool_], Ints]],
    fit: FitMetric,
    *,
    logistic: bool,
) -> Tuning:
    """Calibrate what the closed form does not give; the geometric mean over the folds."""

    def of_fold(fold: tuple[npt.NDArray[np.bool_], Ints]) -> tuple[float, float, float]:
        kept, rows = fold
        metric = fit(coordinates[kept], classes[kept], tuning.shrinkage)
        known = ClassMeans.of(coordinates[kept], classes[kept])
        ratios = known.log_ratios(metric, coordinates[rows])
        truth = np.searchsorted(known.numbers, classes[rows])
        glrt = tuning.glrt if fit is closed_form else fit_temperature(ratios, truth)
        if not logistic:
            return glrt, 1.0, 1.0
        logits = fit_logistic(coordinates[kept], classes[kept]).logits(coordinates[rows])
        one = calibrate(replace(tuning, glrt=glrt), ratios, logits, truth)
        return glrt, one.logistic, one.both

    found = list(side_by_side(of_fold, held_out))
    return Tuning(tuning.shrinkage, *np.exp(np.log(found).mean(axis=0)).tolist())
