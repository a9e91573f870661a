"""What time allows: the steps of trainings that share it, planned anew at each of them as the clock goes."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

MEASURED_STEPS = 4  # of each training, before their pace is believed
LANDING = 20  # the last of so many parts of the steps: there the rate comes down although time is up
OVERTIME = 0.1  # share of the time that this may take at most
KEEP_EVERY = 1.0  # seconds


class Clock:
    """Tells trainings how many steps they have left: as many as planned, as long as the time is enough for them.

    All of them get the same number, at once or one after the other, since it follows from the pace of all together.
    Time that went by before an interruption counts.
    """

    def __init__(
        self,
        file: Path,
        planned: int,
        seconds: float,
        done: Sequence[int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start it.

        Args:
            file: where the time that is used up is kept.
            planned: steps of each training.
            seconds: for all of them.
            done: steps that each has taken before.
            now: seconds since whenever.
        """
        self._file, self._planned, self._seconds, self._now = file, planned, seconds, now
        self._before: float = json.loads(file.read_bytes()) if file.is_file() else 0.0
        self._done = list(done)
        self._ends: dict[int, int] = {}
        self._taken = 0
        self._started = self._kept = now()
        self._measured_from = 0.0
        self._lock = threading.Lock()

    def steps_left(self, training: int, done: int, left: int) -> int:
        """Say how many steps a training has left.

        Args:
            training: which.
            done: steps that it has taken.
            left: steps that it has left by what it was told before.
        """
        with self._lock:
            self._note(training, done)
            allowed = max(0, min(self._planned - done, self._allowed(done, left)))
            if allowed == 0:
                self._ends[training] = done
            return allowed

    def _note(self, training: int, done: int) -> None:
        now = self._now()
        if done > self._done[training]:
            self._done[training] = done
            self._taken += 1
            if self._taken == len(self._done):  # first steps take longer
                self._measured_from = now
        if now - self._kept >= KEEP_EVERY:
            self._kept = now
            aside = self._file.with_suffix(".part")
            aside.write_text(json.dumps(self._used()), encoding="utf-8")
            aside.replace(self._file)

    def _allowed(self, done: int, left: int) -> int:
        measured = self._taken - len(self._done)
        if measured < MEASURED_STEPS * len(self._done):
            return left
        seconds = self._seconds - self._used()
        landing = 1 + done // LANDING
        end = min(self._ends.values(), default=self._planned)
        if self._ends and end - done <= landing:
            return end - done
        if seconds < -OVERTIME * self._seconds:
            return 0
        if left <= landing:  # the rate is nearly at nothing
            return left
        going = [steps for one, steps in enumerate(self._done) if one not in self._ends]
        a_second = measured / max(self._now() - self._measured_from, 1e-9)
        reachable = int(seconds * a_second + sum(going)) // len(going)
        return max(min(reachable, end) - done, landing)

    def _used(self) -> float:
        return self._before + self._now() - self._started
