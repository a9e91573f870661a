"""How far everything is that takes long: one line for all steps of a sync, below it a bar for what is under way.

Both are rewritten in place on a terminal. Elsewhere, in a log that keeps every line, a bar is a line each half minute.
"""

import logging
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from imgsim_assets.spending import Spent, Watch
from imgsim_assets.stopping import stop_if_asked

T = TypeVar("T")

SHOW_AFTER_SECONDS = 2.0
LINE_EVERY_SECONDS = 30.0
TICK_SECONDS = 1.0
LINE = "  {desc}: {n_fmt} of {total_fmt}, {rate_fmt}, {remaining} left"


@dataclass
class Count:
    """How many items of how many are done; None: nobody knows of how many."""

    total: int | None
    done: int = 0
    watch: Watch = field(default_factory=Watch)

    @property
    def seconds(self) -> float:
        """How long it has gone on."""
        return self.watch.spent().wall

    def left(self) -> float | None:
        """Say how many seconds the others will take at the rate so far; None: it is too early to say."""
        if self.total is None or not self.done or self.seconds < SHOW_AFTER_SECONDS:
            return None
        return (self.total - self.done) * self.seconds / self.done


class Headway:
    """How far a number of steps is that follow each other, in one line.

    Attributes:
        took: what each step took that has ended, by name.
        count: the items of the step under way, where it counts any.
        part: what the names of steps begin with that are begun.
    """

    def __init__(self) -> None:
        """Begin; nothing is expected yet."""
        self.took: dict[str, Spent] = {}
        self.count: Count | None = None
        self.part = ""
        self._earlier: dict[str, float | None] = {}
        self._watch = Watch()
        self._to_come: list[str] = []
        self._may_come: list[str] = []
        self._under_way: tuple[str, Watch] | None = None

    def expect(self, to_come: Mapping[str, float | None], may_come: Mapping[str, float | None]) -> None:
        """Take what will be done, and what may have to be done after that, in place of what was expected.

        Both give the seconds that a step took when it was last done; None: nobody knows.
        """
        self._to_come, self._may_come = list(to_come), list(may_come)
        self._earlier = {**may_come, **to_come}

    def begin(self, step: str) -> None:
        """Note that a step is under way; one that is not expected is none of them."""
        step = self.part + step
        if step in self._to_come:
            self._under_way = step, Watch()
            self._to_come = [one for one in self._to_come if one != step]

    def end(self) -> None:
        """Note that it has ended."""
        if self._under_way:
            step, watch = self._under_way
            self.took[step] = Spent.sum([watch.spent(), *filter(None, [self.took.get(step)])])
            self._under_way = None

    def spent(self) -> Spent:
        """Give what was spent since the beginning."""
        return self._watch.spent()

    def position(self) -> tuple[int, int]:
        """Give how many steps are done, and how many there may be."""
        done = len(self.took)
        return done, done + (self._under_way is not None) + len(self._to_come) + len(self._may_come)

    def in_words(self) -> str:
        """Say which step of how many is under way, for how long all goes on, and what is known of the time left."""
        done, whole = self.position()
        if self._under_way:
            words = f"step {done + 1} of {'up to ' if self._may_come else ''}{whole}, {self._under_way[0]}"
        else:
            words = f"{done} of {whole} steps done" if whole else "looking for what is stale"
        return f"{words}; {in_minutes(self.spent().wall)}{self._left_in_words()}"

    def _left_in_words(self) -> str:
        known = [self._earlier.get(step) for step in (*self._to_come, *self._may_come)]
        if self._under_way:
            step, watch = self._under_way
            # What is done now may be more or less than was done then: where items are counted, their rate tells.
            left, before = self.count.left() if self.count else None, self._earlier[step]
            known.append(max(before - watch.spent().wall, 0.0) if left is None and before is not None else left)
        told = [seconds for seconds in known if seconds is not None]
        if not told:
            return ""
        return f", {'at least' if len(told) < len(known) else 'about'} {in_minutes(sum(told))} left"


_steps: Headway | None = None


def steps_under_way() -> Headway | None:
    """Give the steps that are shown; None: there are none."""
    return _steps


def in_minutes(seconds: float) -> str:
    """Write a time as people do: 0:07, 12:34, 1:02:03."""
    return str(tqdm.format_interval(seconds)).removeprefix("0")


@contextmanager
def showing(steps: Headway) -> Iterator[None]:
    """Show how far `steps` are while the block runs: on a terminal, in the first of the lines rewritten in place."""
    global _steps  # noqa: PLW0603  there is one terminal
    before, _steps = _steps, steps
    try:
        with _line_of(steps):
            yield
    finally:
        _steps = before


@contextmanager
def _line_of(steps: Headway) -> Iterator[None]:
    if not sys.stderr.isatty():
        yield
        return
    line = tqdm(desc=steps.in_words(), total=1, bar_format="{desc} |{bar}|", leave=False, dynamic_ncols=True)
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(TICK_SECONDS):
            line.n, line.total = steps.position()
            line.set_description_str(steps.in_words())

    ticking = threading.Thread(target=tick, name="imgsim-progress", daemon=True)
    ticking.start()
    try:
        with logging_redirect_tqdm([logging.getLogger("imgsim")]):
            yield
    finally:
        ended.set()
        ticking.join()
        line.close()


def track(
    items: Iterable[T], description: str, total: int | None = None, unit: str = "photo", note: object = ""
) -> Iterator[T]:
    """Yield `items` unchanged, with a bar that appears once they have taken two seconds.

    Args:
        items: what to go through.
        description: what is being done, in words for a person.
        total: how many items there are, where `items` does not know.
        unit: one item, in the singular.
        note: what it says of itself, as it stands, comes last.

    Raises:
        KeyboardInterrupt: the process was asked to stop a while ago, and still goes on.
    """
    count = Count(len(items) if total is None and isinstance(items, Sized) else total)
    bar = tqdm(
        items,
        desc=description,
        total=count.total,
        unit=unit,
        delay=SHOW_AFTER_SECONDS,
        leave=None,  # an inner bar goes when it is done, the outermost stays
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
    )
    with _counted(count):
        told_at = 0.0
        for item in bar:
            bar.set_postfix_str(str(note), refresh=False)
            stop_if_asked()
            yield item
            count.done += 1
            if bar.disable and count.seconds - told_at >= LINE_EVERY_SECONDS:
                told_at = count.seconds
                said = tqdm.format_meter(
                    count.done, count.total, count.seconds, prefix=description, unit=unit, bar_format=LINE
                )
                tqdm.write(said, file=sys.stderr)


@contextmanager
def _counted(count: Count) -> Iterator[None]:
    """Let the outermost count tell how far the step under way is."""
    if _steps is None or _steps.count is not None:
        yield
        return
    steps, steps.count = _steps, count
    try:
        yield
    finally:
        steps.count = None
