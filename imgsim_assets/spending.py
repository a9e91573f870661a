"""What work costs: seconds by the clock, and seconds of processors."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds that something took by the clock, and of all processors, of processes that it started included."""

    wall: float
    cpu: float

    @classmethod
    def sum(cls, several: Iterable["Spent"]) -> "Spent":
        """Add up what was spent one after the other."""
        listed = list(several)
        return cls(sum(one.wall for one in listed), sum(one.cpu for one in listed))


def _now() -> Spent:
    return Spent(time.monotonic(), sum(os.times()[:4]))  # the first four are the processors'; the fifth is a clock


@dataclass(frozen=True)
class Watch:
    """Measures what is spent from its making on."""

    begun: Spent = field(default_factory=_now)

    def spent(self) -> Spent:
        """Give what was spent so far."""
        now = _now()
        return Spent(now.wall - self.begun.wall, now.cpu - self.begun.cpu)
