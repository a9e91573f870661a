"""Ways are timed in turns; the clock is a toy, so nothing here hangs on a machine."""

import numpy as np
import pytest

from imgsim_assets.retrieval.turns import LEAST_ROUNDS, MOST_ROUNDS, Spread, time_in_turns


class Clock:
    """A clock that only rises by what is done."""

    def __init__(self):
        self.now, self.done = 0.0, []

    def __call__(self):
        return self.now

    def way(self, name, *seconds):
        """Something that takes so long, each of `seconds` in turn and the last one from then on."""
        left = list(seconds)

        def work():
            self.done.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return work


def test_each_has_its_turn_and_none_always_follows_the_same():
    clock = Clock()
    times = time_in_turns([clock.way("a", 1.0), clock.way("b", 2.0), clock.way("c", 4.0)], 0.0, clock)
    np.testing.assert_array_equal(times, np.tile([1.0, 2.0, 4.0], (LEAST_ROUNDS, 1)))
    assert "".join(clock.done) == "abccbaabccbaabc"


@pytest.mark.parametrize(
    ("each", "budget", "rounds"),
    [(1.0, 0.0, LEAST_ROUNDS), (1.0, 7.5, 8), (1.0, 1e9, MOST_ROUNDS), (1e-3, 10.0, MOST_ROUNDS), (1e3, 10.0, 5)],
)
def test_many_rounds_of_what_is_quick_and_few_of_what_is_slow(each, budget, rounds):
    clock = Clock()
    assert time_in_turns([clock.way("a", each)], budget, clock).shape == (rounds, 1)


def test_a_busy_moment_moves_no_median():
    clock = Clock()
    times = time_in_turns([clock.way("a", 1.0, 90.0, 1.0), clock.way("b", 2.0)], 0.0, clock)
    assert [Spread.of(took).middle for took in times.T] == [1.0, 2.0]


def test_a_spread_has_the_quartiles():
    assert Spread.of(np.array([5.0, 1.0, 2.0, 4.0, 3.0])) == Spread(middle=3.0, low=2.0, high=4.0)


def test_nothing_takes_no_time():
    assert (time_in_turns([lambda: None], 0.0, lambda: 0.0) > 0).all()
