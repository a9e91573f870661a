"""Several trainings at once, each on its share of the cores.

Two threads of one convolution wait for each other at every step, and on a busy machine for ever so long; two
trainings of one thread each do not.
"""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event

from imgsim_assets.progress import track
from imgsim_assets.threads import set_torch_threads, torch_threads

MOST_A_CORE = 2  # each holds its own gradients


@dataclass(frozen=True)
class Cores:
    """How many trainings run at once, and with how many threads each; `in_turns`: step by step of one and the next."""

    at_once: int
    threads_each: int
    in_turns: bool = False

    def seconds_for_all(self, trainings: int, seconds: float, threads: int) -> float:
        """Say how long so many trainings take of which one alone, with its share of `threads`, takes `seconds`."""
        if self.at_once == 1:
            return seconds * trainings
        return seconds * max(1.0, trainings * self.threads_each / threads)


def share_cores(trainings: int, threads: int, device: str) -> Cores:
    """Share the cores among trainings.

    A single core takes their steps in turns, so that all have come as far when time is up; a card, whose memory is
    dear, does them one after the other.
    """
    if device != "cpu" or threads == 1:
        return Cores(1, threads, in_turns=device == "cpu")
    at_once = min(trainings, MOST_A_CORE * threads)
    return Cores(at_once, max(1, threads // at_once))


@dataclass
class _Trainings:
    """Trainings that worker threads run; `taken` hears of each step (true) and of each end (false)."""

    steps: Sequence[Generator[float, None, None]]
    losses: list[list[float]]
    taken: SimpleQueue[bool] = field(default_factory=SimpleQueue)
    stopped: Event = field(default_factory=Event)

    def run(self, going: Sequence[int]) -> None:
        """Run some of them in turns to their ends; stopped, they are closed between two steps."""
        with ExitStack() as endings:
            for one in going:
                endings.callback(self.taken.put, False)
                endings.enter_context(closing(self.steps[one]))
            while going and not self.stopped.is_set():
                going = [one for one in going if self._take_step(one)]

    def _take_step(self, one: int) -> bool:
        loss = None if self.stopped.is_set() else next(self.steps[one], None)
        if loss is None:
            return False
        self.losses[one].append(loss)
        self.taken.put(True)
        return True

    def taken_steps(self) -> Iterator[None]:
        for _ in self.steps:
            while self.taken.get():
                yield None


def run_trainings(trainings: Sequence[Generator[float, None, None]], steps: int, cores: Cores) -> list[list[float]]:
    """Run trainings to their ends, with one progress bar for all.

    Args:
        trainings: each yields the loss of each of its steps.
        steps: of each.
        cores: how they share the cores.

    Returns:
        The losses of each.

    Raises:
        BaseException: what a training raises, or what interrupts the wait for them; they are closed at their next step.
    """
    numbers = range(len(trainings))
    under_way = _Trainings(trainings, [[] for _ in numbers])
    with (
        torch_threads(cores.threads_each),
        ThreadPoolExecutor(cores.at_once, "imgsim-train", set_torch_threads, (cores.threads_each,)) as pool,
    ):
        groups = [numbers] if cores.in_turns else [[number] for number in numbers]
        futures = [pool.submit(under_way.run, group) for group in groups]
        try:
            for _ in track(under_way.taken_steps(), "fine-tuning", total=steps * len(trainings), unit="step"):
                failed = next((one.exception() for one in futures if one.done() and one.exception()), None)
                if failed is not None:
                    raise failed
        finally:
            under_way.stopped.set()
            for future in futures:
                future.cancel()
    for future in futures:
        future.result()
    return under_way.losses
