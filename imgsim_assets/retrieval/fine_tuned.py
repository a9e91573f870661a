"""What fine-tuned networks say of a photo's class, added to what the metric says: a log-linear pool of two opinions.

Source: the logarithmic opinion pool (Genest and Zidek 1986), its weight found on photos that neither has learned from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.retrieval.class_sets import log_loss
from imgsim_assets.retrieval.glrt import Floats, Ints

LARGEST_WEIGHT = 3.0


@dataclass(frozen=True)
class FineTunedWeight:
    """What the networks' log probabilities are multiplied by, >= 0, and what the sum is divided by then, > 0."""

    weight: float = 0.0
    temperature: float = 1.0

    def pooled(self, log_odds: Floats, class_scores: Floats) -> Floats:
        """Add the networks' log probabilities to calibrated log odds, [q, c] each, and calibrate the sum."""
        return (log_odds + self.weight * class_scores) / self.temperature


NO_WEIGHT = FineTunedWeight()


def columns_of(class_scores: npt.NDArray[np.floating], classes: Ints) -> Floats:
    """Pick the columns of some classes.

    Args:
        class_scores: float [q, m], log probabilities of the classes 0..m-1.
        classes: int [c], numbers; of one above those, a cluster without a name, the networks know nothing.

    Returns:
        float64 [q, c]; for an unknown class log(1 / m), which is no opinion.
    """
    named = classes < class_scores.shape[1]
    found = np.full((len(class_scores), len(classes)), -np.log(class_scores.shape[1]))
    found[:, named] = class_scores[:, classes[named]]
    return found


def fit_weight(log_odds: Floats, class_scores: Floats, true_columns: Ints) -> FineTunedWeight:
    """Choose the weight and temperature that make held-out photos' classes most likely.

    Args:
        log_odds: float64 [q, c], calibrated, of photos that took no part in the fit.
        class_scores: float64 [q, c], log probabilities by networks that have not learned from those photos.
        true_columns: int [q], the column of each photo's class.

    Returns:
        The weight 0 where the networks do not help.
    """
    from scipy.optimize import minimize

    def loss(chosen: Floats) -> float:
        pooled = FineTunedWeight(float(chosen[0]), float(10.0 ** chosen[1])).pooled(log_odds, class_scores)
        return log_loss(pooled, true_columns)

    bounds = [(0.0, LARGEST_WEIGHT), (-1.0, 1.0)]
    weight, exponent = minimize(loss, np.array([0.3, 0.0]), method="Nelder-Mead", bounds=bounds).x
    return FineTunedWeight(float(weight), float(10.0**exponent))


def scores_of_photos(wanted: Sequence[str], known: Sequence[str], class_scores: npt.NDArray[np.floating]) -> Floats:
    """Look up what networks say of photos by content id.

    Args:
        wanted: the photos' ids.
        known: of which something is known.
        class_scores: float [n, c] log probabilities of those, row for row; c >= 1.

    Returns:
        float64 [q, c]; a photo of which nothing is known is equally likely of every class.
    """
    rows = {content_id: row for row, content_id in enumerate(known)}
    found = np.full((len(wanted), class_scores.shape[1]), -np.log(class_scores.shape[1]))
    places = [(place, rows[one]) for place, one in enumerate(wanted) if one in rows]
    if places:
        to, taken = np.array(places).T
        found[to] = class_scores[taken]
    return found


def held_out_accuracy(
    labels: Sequence[str], scores: Mapping[str, npt.NDArray[np.floating]], held_out: pl.DataFrame
) -> float | None:
    """Give the share of photos whose label is named by the network that has not learned from them.

    Args:
        labels: of the classes, in the order of their numbers.
        scores: by content id, what that network says: float [c].
        held_out: `content_id`, `label`; those without scores do not count. None: none does.
    """
    asked = held_out.filter(pl.col("content_id").is_in(list(scores)))
    if asked.is_empty():
        return None
    named = [labels[int(scores[one].argmax())] for one in asked["content_id"]]
    right: int = sum(one == label for one, label in zip(named, asked["label"], strict=True))
    return right / asked.height
