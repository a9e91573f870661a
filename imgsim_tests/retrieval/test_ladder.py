"""The climb, on scores that are made up: what is taken, what is not, and what the table says of it."""

import math

import numpy as np
import pytest

from imgsim_assets.retrieval import ladder as ladders
from imgsim_assets.retrieval.rungs import Rung
from imgsim_assets.settings import Steps
from imgsim_tests.retrieval.heads import draw_recipe

START = draw_recipe(evidence="likeness", likeness="cosine", shrinkage=0.5)
NOISE = np.random.default_rng(0).normal(size=(3, 400)) * 0.02


def climb(start, ladder, switches, score, parts, **rest):
    """Climb with a score of one recipe and part."""
    return ladders.climb(start, ladder, switches, lambda asked: [score(*one) for one in asked], parts, **rest)


def rung(step, name=None, **changes):
    return Rung(step, name or step, lambda recipe: recipe.with_(**(changes or {step: True})))


def scoring(gains, noisy=()):
    """Score a recipe by the gains of the flags that are on; a noisy one gains in the mean of wild scores only."""

    def score(recipe, _):
        scores = np.full(400, 0.4) + NOISE[0]
        for place, (flag, gain) in enumerate(gains.items()):
            if getattr(recipe, flag) not in (False, getattr(START, flag)):
                wild = np.where(np.arange(400) % 2, 30 * abs(gain), -30 * abs(gain)) if flag in noisy else 0.0
                scores = scores + gain + wild + NOISE[1 + place % 2]
        return scores

    return score


def verdicts(climbed):
    return {one.name: one.verdict for one in climbed.steps}


def test_a_certain_gain_is_taken_and_a_loss_is_not():
    climbed = climb(
        START,
        [(rung("projection"),), (rung("expansion"),)],
        Steps(),
        scoring({"projection": 0.05, "expansion": -0.05}),
        1,
    )
    assert verdicts(climbed) == {"projection": "taken", "expansion": "not taken"}
    assert (climbed.recipe.projection, climbed.recipe.expansion) == (True, False)
    assert climbed.start == pytest.approx(0.4, abs=0.01)
    taken = climbed.steps[0]
    assert taken.low > 0
    assert taken.low <= taken.gain <= taken.high
    assert taken.map_at_10 == pytest.approx(climbed.start + taken.gain)


def test_a_gain_that_may_be_chance_is_taken_on_trust_only():
    ladder, score = [(rung("projection"),)], scoring({"projection": 0.01}, noisy={"projection"})
    assert verdicts(climb(START, ladder, Steps(), score, 1)) == {"projection": "not taken"}
    trusting = climb(START, ladder, Steps(), score, 1, trusted=frozenset({"projection"}))
    assert verdicts(trusting) == {"projection": "taken on trust"}
    assert trusting.recipe.projection
    losing = scoring({"projection": -0.01}, noisy={"projection"})
    assert verdicts(climb(START, ladder, Steps(), losing, 1, trusted=frozenset({"projection"}))) == {
        "projection": "not taken"
    }


def test_of_alternatives_the_best_is_taken():
    family = (rung("glrt_pair", likeness="pair"), rung("glrt_set", evidence="glrt"))
    climbed = climb(START, [family], Steps(), scoring({"likeness": 0.05, "evidence": 0.08}), 1)
    assert verdicts(climbed) == {"glrt_pair": "another was better", "glrt_set": "taken"}
    assert (climbed.recipe.likeness, climbed.recipe.evidence) == ("cosine", "glrt")


def test_switches_come_before_what_was_measured():
    score = scoring({"projection": -0.05, "expansion": 0.05})
    steps = Steps(projection="on", expansion="off")
    climbed = climb(START, [(rung("projection"),), (rung("expansion"),)], steps, score, 1)
    assert verdicts(climbed) == {"projection": "forced on", "expansion": "switched off"}
    assert (climbed.recipe.projection, climbed.recipe.expansion) == (True, False)
    assert climbed.steps[0].gain < 0
    assert math.isnan(climbed.steps[1].gain)
    family = (rung("glrt_pair", likeness="pair"), rung("glrt_set", evidence="glrt"))
    forced = climb(START, [family], Steps(glrt_pair="on"), scoring({"likeness": 0.01, "evidence": 0.08}), 1)
    assert verdicts(forced) == {"glrt_pair": "forced on", "glrt_set": "another was better"}


def test_small_gains_are_tried_together_at_the_top():
    flags = ("projection", "pseudo_labels", "augmentation", "expansion")
    # Each helps another quarter of the photos and harms a few: alone it may be chance, together it is not.
    gain = np.zeros((4, 400))
    for place in range(4):
        gain[place, place * 100 : place * 100 + 6] = 0.5
        gain[place, (place * 100 + 200) % 400 : (place * 100 + 203) % 400] = -0.5

    def score(recipe, _):
        return np.full(400, 0.5) + sum(gain[place] * getattr(recipe, flag) for place, flag in enumerate(flags))

    climbed = climb(START, [(rung(flag),) for flag in flags], Steps(), score, 1, samples=4000)
    assert [one.verdict for one in climbed.steps] == ["not taken"] * 4 + ["taken"]
    assert climbed.steps[-1].name == "projection + pseudo_labels + augmentation + expansion"
    assert all(getattr(climbed.recipe, flag) for flag in flags)


def test_a_step_that_changes_nothing_is_not_scored():
    asked = []

    def score(recipe, _):
        asked.append(recipe)
        return np.full(20, 0.5)

    climbed = climb(START, [(rung("power", power=1.0),)], Steps(), score, 1)
    assert (climbed.steps, len(asked)) == ((), 1)


def test_queries_without_a_score_do_not_count():
    def score(recipe, _):
        scores = np.full(40, 0.5 + 0.1 * recipe.projection)
        scores[::2] = np.nan
        return scores

    assert verdicts(climb(START, [(rung("projection"),)], Steps(), score, 1)) == {"projection": "taken"}


def in_parts(score, asked=None):
    """Score a fifth of the photos at a time, and note which were asked."""

    def of_part(recipe, part):
        if asked is not None:
            asked.append((recipe, part))
        return np.tile(score(recipe, 0), 2)[part::5]

    return of_part


def test_photos_are_asked_until_the_verdict_is_sure_and_no_longer():
    gains = {"projection": 0.2, "expansion": -0.2, "augmentation": 0.004}
    ladder = [(rung(flag),) for flag in gains]
    asked: list = []
    climbed = climb(START, ladder, Steps(), in_parts(scoring(gains, noisy={"augmentation"}), asked), 5)
    assert [(one.verdict, one.photos) for one in climbed.steps[:2]] == [("taken", 160), ("not taken", 160)]
    assert climbed.steps[2].photos > 160
    whole = climb(START, ladder, Steps(), scoring(gains, noisy={"augmentation"}), 1)
    assert verdicts(whole) == verdicts(climbed)
    assert len(asked) == len(set(map(str, asked)))


def test_an_alternative_that_falls_behind_is_not_asked_on():
    family = (rung("glrt_pair", likeness="pair"), rung("glrt_set", evidence="glrt"))
    climbed = climb(START, [family], Steps(), in_parts(scoring({"likeness": 0.05, "evidence": 0.2})), 5)
    assert verdicts(climbed) == {"glrt_pair": "another was better", "glrt_set": "taken"}
    assert [one.photos for one in climbed.steps] == [160, 160]
