"""Multinomial logistic regression of the class on a photo's coordinates, by scikit-learn."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.threads import single_thread

INVERSE_REGULARISATION = 10.0
ITERATIONS = 200
TOLERANCE = 1e-3


@dataclass(frozen=True)
class LogisticClasses:
    """Logits `x @ weights + offsets`: float64 [k, c] and [c], columns in rising order of the class numbers."""

    weights: Floats
    offsets: Floats

    def logits(self, coordinates: npt.NDArray[np.floating]) -> Floats:
        """Score photos [n, k] for every class: float64 [n, c]."""
        return np.asarray(coordinates @ self.weights + self.offsets)


def fit_logistic(coordinates: npt.NDArray[np.floating], classes: Ints) -> LogisticClasses:
    """Fit on [n, k] coordinates, scaled so that the mean squared length is 1, with an L2 penalty.

    On one thread, so that the same photos give the same bytes.

    Raises:
        ValueError: fewer than two classes.
    """
    from sklearn.linear_model import LogisticRegression

    scale = float(np.sqrt((coordinates**2).sum(axis=1).mean())) or 1.0
    # Many classes with a photo or two each are no mistake here; a filter that is taken off again is none for threads.
    warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
    with single_thread():
        model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=ITERATIONS, tol=TOLERANCE)
        model.fit((coordinates / scale).astype(np.float32), classes)
    weights, offsets = model.coef_.T.astype(np.float64), model.intercept_.astype(np.float64)
    if weights.shape[1] == 1:  # two classes share one column
        weights, offsets = np.hstack([-weights, weights]) / 2.0, np.concatenate([-offsets, offsets]) / 2.0
    return LogisticClasses(weights / scale, offsets)
