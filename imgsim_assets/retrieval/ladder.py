"""The climb: a step of ranking is taken only where its gain on the user's own photos is beyond chance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

import numpy as np

from imgsim_assets.retrieval.average_precision import Floats, mean_average_precision
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.rungs import Family, Rung, switch_of
from imgsim_assets.retrieval.trial import Trial, looks, settle
from imgsim_assets.settings import Steps

Verdict = Literal["taken", "taken on trust", "forced on", "not taken", "another was better", "switched off"]
Score = Callable[[Sequence[tuple[Recipe, int]]], list[Floats]]


@dataclass(frozen=True)
class Earned:
    """What one step earned over the recipe below it: MAP@10 with it, and its paired gain with the 95% interval.

    All on the same `photos`, no more than the verdict needed. NaN where it was switched off.
    """

    step: str
    name: str
    map_at_10: float
    gain: float
    low: float
    high: float
    photos: int
    verdict: Verdict


@dataclass(frozen=True)
class Climb:
    """The recipe at the top, the MAP@10 of the one at the bottom, and every step that was tried, in order."""

    recipe: Recipe
    start: float
    steps: tuple[Earned, ...]


def climb(
    start: Recipe,
    ladder: Sequence[Family],
    switches: Steps,
    score: Score,
    folds: int,
    *,
    trusted: frozenset[str] = frozenset(),
    samples: int = 2000,
    seed: int = 0,
) -> Climb:
    """Walk up the ladder, each family of alternatives against the recipe reached so far.

    A step is taken if the paired bootstrap interval of its gain lies above zero, or its switch is on; a trusted step
    already if its gain is positive. Of a family the one with the largest gain is taken. At the top, the steps that
    gained too little to be told from chance are tried once more, all together: small gains may add up to a certain one.
    Photos are asked fold after fold, and no more of them than a verdict needs.

    Args:
        start: the bottom.
        ladder: families from the bottom up.
        switches: on, off or auto, by step.
        score: AP@10 of each labelled photo of a fold under a recipe, float64 [n], NaN where a photo has none, for
            several of both at once; always the same photos in the same order.
        folds: how many there are, of about the same size.
        trusted: steps that need not be certain.
        samples: of the bootstrap.
        seed: of the bootstrap.
    """
    scores = score([(start, fold) for fold in range(folds)])
    climbing = _Climbing(start, scores, switches, score, folds, trusted, samples, seed)
    bottom = mean_average_precision(np.concatenate(scores), samples, seed).value
    for family in ladder:
        climbing.try_family(family)
    climbing.try_together()
    return Climb(climbing.recipe, bottom, tuple(climbing.steps))


@dataclass
class _Climbing:
    recipe: Recipe
    scores: list[Floats]  # of the recipe, of as many folds as were needed so far
    switches: Steps
    score: Score
    folds: int
    trusted: frozenset[str]
    samples: int
    seed: int
    steps: list[Earned] = field(default_factory=list)
    promising: list[Rung] = field(default_factory=list)

    def try_family(self, family: Family) -> None:
        self.steps += [_switched_off(rung) for rung in family if switch_of(rung, self.switches) == "off"]
        trials = self._try([rung for rung in family if switch_of(rung, self.switches) != "off"])
        told = [(one, self._told(one)) for one in trials]
        worthy = [pair for pair in told if pair[1].verdict != "not taken"]
        # What the settings force comes before what was measured, and whoever fell behind was measured on fewer photos.
        best = max(
            worthy,
            key=lambda pair: (pair[1].verdict == "forced on", pair[0].outcome != "behind", pair[1].gain),
            default=None,
        )
        for pair in told:
            beaten = pair in worthy and pair is not best
            self.steps.append(replace(pair[1], verdict="another was better") if beaten else pair[1])
        if best is not None:
            self.recipe, self.scores = best[0].recipe, best[0].scores
        else:
            hopeful = max(told, key=lambda pair: pair[1].gain, default=None)
            if hopeful is not None and hopeful[1].gain > 0:
                self.promising.append(hopeful[0].rung)

    def try_together(self) -> None:
        if len(self.promising) < 2:
            return

        def take(recipe: Recipe) -> Recipe:
            for rung in self.promising:
                recipe = rung.take(recipe)
            return recipe

        names = " + ".join(rung.name for rung in self.promising)
        for one in self._try([Rung("together", names, take)]):
            earned = self._told(one)
            self.steps.append(earned)
            if earned.verdict == "taken":
                self.recipe, self.scores = one.recipe, one.scores

    def _try(self, rungs: Sequence[Rung]) -> list[Trial]:
        tried = [(rung, rung.take(self.recipe)) for rung in rungs]
        trials = [
            Trial(rung, recipe, needs_proof=rung.step not in self.trusted)
            for rung, recipe in tried
            if recipe != self.recipe
        ]
        for looked_at in looks(self.folds):
            running = [one for one in trials if one.outcome == "open"]
            if not running:
                break
            asking = [(one.recipe, one.scores) for one in running]
            if len(self.scores) <= looked_at[0]:
                asking.append((self.recipe, self.scores))
            found = iter(self.score([(recipe, fold) for recipe, _ in asking for fold in looked_at]))
            for _, scores in asking:
                scores.extend(islice(found, len(looked_at)))
            settle(trials, self.scores, self.folds)
        return trials

    def _told(self, one: Trial) -> Earned:
        gains = one.lead(self.scores)
        gain = mean_average_precision(gains, self.samples, self.seed)
        verdict: Verdict = "taken" if gain.low > 0 and one.outcome != "lost" else "not taken"
        if verdict == "not taken" and not one.needs_proof and gain.value > 0:
            verdict = "taken on trust"
        if one.rung.step != "together" and switch_of(one.rung, self.switches) == "on":
            verdict = "forced on"
        step, name = one.rung.step, one.rung.name
        value = float(np.nanmean(np.concatenate(one.scores))) if gain.queries else np.nan
        return Earned(step, name, value, gain.value, gain.low, gain.high, gain.queries, verdict)


def _switched_off(rung: Rung) -> Earned:
    return Earned(rung.step, rung.name, np.nan, np.nan, np.nan, np.nan, 0, "switched off")
