"""How long a rung is looked at: fold after fold of the photos, until its verdict on all of them can be foreseen.

Source: stopping by predictive probability (Spiegelhalter, Freedman and Blackburn 1986), in its simplest form: the mean
gain on all photos is taken to be normal about the gain on those that were asked, as far from it as chance may put it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from imgsim_assets.retrieval.average_precision import Floats
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.rungs import Rung

Outcome = Literal["won", "lost", "behind", "open"]

CERTAINTY = 2.6  # standard deviations: of a hundred outcomes that are foreseen, about one would have been the other
INTERVAL = 1.96
LEAST_ASKED = 100
AT_ONCE = 2  # on two processors a second fold takes no longer


@dataclass
class Trial:
    """A rung that is looked at: AP@10 with it, fold after fold.

    `needs_proof`: it is taken only if its interval lies above zero; else a positive gain suffices.
    """

    rung: Rung
    recipe: Recipe
    needs_proof: bool
    scores: list[Floats] = field(default_factory=list)
    outcome: Outcome = "open"

    def lead(self, others: Sequence[Floats]) -> Floats:
        """Give the gains over others' scores, photo by photo, on the folds that were looked at."""
        seen = len(self.scores)
        return np.concatenate(self.scores) - np.concatenate(others[:seen])


def looks(folds: int) -> list[range]:
    """Say which folds are looked at together: the first alone, by which most are told, then two and two."""
    return [range(1), *(range(start, min(start + AT_ONCE, folds)) for start in range(1, folds, AT_ONCE))]


def foresee(gains: Floats, seen: int, folds: int, *, needs_proof: bool) -> Outcome:
    """Say whether the verdict on all photos can be foreseen from the gains on some of them.

    Args:
        gains: float64 [m], NaN where a photo has no score.
        seen: how many of the folds, of about the same size, these photos are.
        folds: how many there are.
        needs_proof: whether the 95% interval must lie above zero, or the mean only.
    """
    known = gains[~np.isnan(gains)]
    if len(known) < LEAST_ASKED:
        return "open"
    deviation, mean, asked = float(known.std(ddof=1)), float(known.mean()), len(known)
    everyone = asked * folds / seen
    doubt = CERTAINTY * deviation * np.sqrt(1.0 / asked - 1.0 / everyone)
    needed = INTERVAL * deviation / np.sqrt(everyone) if needs_proof else 0.0
    if mean + doubt <= needed:
        return "lost"
    return "won" if mean - doubt > needed else "open"


def settle(trials: Sequence[Trial], below: Sequence[Floats], folds: int) -> None:
    """Close the trials whose outcome can be foreseen: who gains too little, falls behind another, or is ahead alone.

    Args:
        trials: alternatives; all that are open have seen the same folds.
        below: scores without any of them, fold after fold.
        folds: how many there are.
    """
    going = [one for one in trials if one.outcome == "open"]
    for one in going:
        if foresee(one.lead(below), len(one.scores), folds, needs_proof=one.needs_proof) == "lost":
            one.outcome = "lost"
    going = [one for one in going if one.outcome == "open"]
    for one in list(going):
        behind = (foresee(one.lead(rival.scores), len(one.scores), folds, needs_proof=False) for rival in going)
        if any(rival is not one and seen == "lost" for rival, seen in zip(going, behind, strict=True)):
            one.outcome = "behind"
            going.remove(one)
    if len(going) == 1:
        (last,) = going
        last.outcome = foresee(last.lead(below), len(last.scores), folds, needs_proof=last.needs_proof)
