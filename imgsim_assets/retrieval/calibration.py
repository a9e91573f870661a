"""How far W is shrunk, and by what log odds are divided to be log probabilities: the few numbers of a head."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgsim_assets.retrieval.class_sets import fit_temperature, log_loss
from imgsim_assets.retrieval.fine_tuned import NO_WEIGHT, FineTunedWeight
from imgsim_assets.retrieval.glrt import Floats, Ints


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


def choose_shrinkage(shares: Sequence[float], ratios: Sequence[Floats], truth: Ints) -> Tuning:
    """Choose the shrinkage under which photos that took no part in the fit are most likely of their class.

    The highest mean log posterior of the right class wins, at its own best temperature, or over-confidence alone would
    decide. Log posterior and not MAP: it agrees with MAP to within noise and is far smoother.

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
