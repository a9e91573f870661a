"""How long several ways take, done in turns: a busy moment strikes all of them, and none is judged by one call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from imgsim_assets.retrieval.glrt import Floats

LEAST_ROUNDS, MOST_ROUNDS = 5, 15
TICK = 1e-9  # no way takes less


@dataclass(frozen=True)
class Spread:
    """The median of what was measured, and its quartiles."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> "Spread":
        """Sum up float64 [n] values, n >= 1."""
        low, middle, high = np.percentile(values, [25, 50, 75])
        return cls(float(middle), float(low), float(high))


def time_in_turns(
    ways: Sequence[Callable[[], object]], seconds: float, clock: Callable[[], float] = perf_counter
) -> Floats:
    """Time each way once a round, every other round in reverse, so that none always follows the same one.

    Whoever calls has done each once before: what is loaded and made ready at first is not timed.

    Args:
        ways: one or more.
        seconds: fifteen rounds are made, or as many as these allow, but five at least.
        clock: rises by one a second.

    Returns:
        Seconds, float64 [rounds, ways].
    """
    rounds: list[list[float]] = []
    began = clock()
    while len(rounds) < LEAST_ROUNDS or (len(rounds) < MOST_ROUNDS and clock() - began < seconds):
        order = range(len(ways)) if len(rounds) % 2 == 0 else reversed(range(len(ways)))
        took = dict.fromkeys(range(len(ways)), 0.0)
        for place in order:
            start = clock()
            ways[place]()
            took[place] = max(clock() - start, TICK)
        rounds.append(list(took.values()))
    return np.array(rounds)
