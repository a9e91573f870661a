"""Several trainings at once, each on its share of the cores.

Two threads of one convolution wait for each other at every step, and on a busy machine for ever so long; two
trainings of one thread each do not.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event

from imgsim_assets.progress import track

MOST_A_CORE = 2  # each holds its own gradients


@dataclass(frozen=True)
class Cores:
    """How many trainings run at once, and with how many threads each."""

    at_once: int
    threads_each: int

    def seconds_for_all(self, trainings: int, seconds: float, threads: int) -> float:
        """Say how long so many trainings take of which one alone, with its share of `threads`, takes `seconds`."""
        if self.at_once == 1:
            return seconds * trainings
        return seconds * max(1.0, trainings * self.threads_each / threads)


def share_cores(trainings: int, threads: int, device: str) -> Cores:
    """Share the cores among trainings; a card, and a single core, do them one after the other."""
    if device != "cpu" or threads == 1:
        return Cores(1, threads)
    at_once = min(trainings, MOST_A_CORE * threads)
    return Cores(at_once, max(1, threads // at_once))


@contextmanager
def with_threads(threads: int) -> Iterator[None]:
    """Let torch use so many threads for a while."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_side_by_side(trainings: Sequence[Iterator[float]], steps: int, cores: Cores) -> list[list[float]]:
    """Run trainings to their ends, with one progress bar for all.

    Args:
        trainings: each yields the loss of each of its steps.
        steps: of each.
        cores: how they share the cores.

    Returns:
        The losses of each.

    Raises:
        Exception: what a training raises; the others are stopped at their next step.
    """
    import torch

    taken: SimpleQueue[bool] = SimpleQueue()  # true: a step; false: an end
    stopped = Event()

    def run(training: Iterator[float]) -> list[float]:
        losses = []
        try:
            for loss in training:
                losses.append(loss)
                taken.put(True)
                if stopped.is_set():
                    break
        finally:
            taken.put(False)
        return losses

    def taken_steps() -> Iterator[None]:
        for _ in trainings:
            while taken.get():
                yield None

    with (
        with_threads(cores.threads_each),
        ThreadPoolExecutor(cores.at_once, "imgsim-train", torch.set_num_threads, (cores.threads_each,)) as pool,
    ):
        futures = [pool.submit(run, training) for training in trainings]
        try:
            for _ in track(taken_steps(), "fine-tuning", total=steps * len(trainings), unit="step"):
                failed = next((one.exception() for one in futures if one.done() and one.exception()), None)
                if failed is not None:
                    raise failed
        finally:
            stopped.set()
    return [future.result() for future in futures]
