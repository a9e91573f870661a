"""The climb: a step of ranking is taken only where its gain on the user's own photos is beyond chance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from imgsim_assets.retrieval.average_precision import Floats, mean_average_precision
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.rungs import Family, Rung, switch_of
from imgsim_assets.settings import Steps

Verdict = Literal["taken", "taken on trust", "forced on", "not taken", "another was better", "switched off"]
Score = Callable[[Recipe], Floats]


@dataclass(frozen=True)
class Earned:
    """What one step earned over the recipe below it: MAP@10 with it, and its paired gain with the 95% interval.

    NaN where it was switched off.
    """

    step: str
    name: str
    map_at_10: float
    gain: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True)
class Climb:
    """The recipe at the top, the MAP@10 of the one at the bottom, and every step that was tried, in order."""

    recipe: Recipe
    start: float
    steps: tuple[Earned, ...]


@dataclass(frozen=True)
class _Tried:
    rung: Rung
    recipe: Recipe
    scores: Floats
    earned: Earned


def climb(
    start: Recipe,
    ladder: Sequence[Family],
    switches: Steps,
    score: Score,
    *,
    trusted: frozenset[str] = frozenset(),
    samples: int = 2000,
    seed: int = 0,
) -> Climb:
    """Walk up the ladder, each family of alternatives against the recipe reached so far.

    A step is taken if the paired bootstrap interval of its gain lies above zero, or its switch is on; a trusted step
    already if its gain is positive. Of a family the one with the largest gain is taken. At the top, the steps that
    gained too little to be told from chance are tried once more, all together: small gains may add up to a certain one.

    Args:
        start: the bottom.
        ladder: families from the bottom up.
        switches: on, off or auto, by step.
        trusted: steps that need not be certain.
        score: AP@10 of each labelled photo under a recipe, float64 [n], NaN where a photo has none; always the same
            photos in the same order.
        samples: of the bootstrap.
        seed: of the bootstrap.
    """
    climbing = _Climbing(start, score(start), switches, score, trusted, samples, seed)
    bottom = mean_average_precision(climbing.scores).value
    for family in ladder:
        climbing.try_family(family)
    climbing.try_together()
    return Climb(climbing.recipe, bottom, tuple(climbing.steps))


@dataclass
class _Climbing:
    recipe: Recipe
    scores: Floats
    switches: Steps
    score: Score
    trusted: frozenset[str]
    samples: int
    seed: int
    steps: list[Earned] = field(default_factory=list)
    promising: list[Rung] = field(default_factory=list)

    def try_family(self, family: Family) -> None:
        self.steps += [_switched_off(rung) for rung in family if switch_of(rung, self.switches) == "off"]
        tried = [self._try(rung) for rung in family if switch_of(rung, self.switches) != "off"]
        told = [one for one in tried if one is not None]
        worthy = [one for one in told if one.earned.verdict != "not taken"]
        # What the settings force comes before what was measured.
        best = max(worthy, key=lambda one: (one.earned.verdict == "forced on", one.earned.gain), default=None)
        for one in told:
            beaten = best is not None and one is not best and one in worthy
            self.steps.append(replace(one.earned, verdict="another was better") if beaten else one.earned)
        if best is not None:
            self.recipe, self.scores = best.recipe, best.scores
        else:
            hopeful = max(told, key=lambda one: one.earned.gain, default=None)
            if hopeful is not None and hopeful.earned.gain > 0:
                self.promising.append(hopeful.rung)

    def try_together(self) -> None:
        if len(self.promising) < 2:
            return

        def take(recipe: Recipe) -> Recipe:
            for rung in self.promising:
                recipe = rung.take(recipe)
            return recipe

        names = " + ".join(rung.name for rung in self.promising)
        tried = self._try(Rung("together", names, take))
        if tried is not None:
            self.steps.append(tried.earned)
            if tried.earned.verdict == "taken":
                self.recipe, self.scores = tried.recipe, tried.scores

    def _try(self, rung: Rung) -> _Tried | None:
        candidate = rung.take(self.recipe)
        if candidate == self.recipe:
            return None
        scores = self.score(candidate)
        gain = mean_average_precision(scores - self.scores, self.samples, self.seed)
        verdict: Verdict = "taken" if gain.low > 0 else "not taken"
        if verdict == "not taken" and rung.step in self.trusted and gain.value > 0:
            verdict = "taken on trust"
        if rung.step != "together" and switch_of(rung, self.switches) == "on":
            verdict = "forced on"
        value = mean_average_precision(scores, self.samples, self.seed).value
        return _Tried(
            rung, candidate, scores, Earned(rung.step, rung.name, value, gain.value, gain.low, gain.high, verdict)
        )


def _switched_off(rung: Rung) -> Earned:
    return Earned(rung.step, rung.name, np.nan, np.nan, np.nan, np.nan, "switched off")
