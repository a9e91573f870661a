import itertools
import threading
from collections.abc import Iterator

import pytest
import torch

from imgsim_assets.vision.fine_tuning import cores as module
from imgsim_assets.vision.fine_tuning.cores import Cores, run_trainings, share_cores


@pytest.mark.parametrize(
    ("trainings", "threads", "device", "cores"),
    [
        (3, 2, "cpu", Cores(3, 1)),
        (3, 16, "cpu", Cores(3, 5)),
        (3, 1, "cpu", Cores(1, 1, in_turns=True)),
        (20, 2, "cpu", Cores(4, 1)),
        (3, 16, "cuda", Cores(1, 16)),
    ],
)
def test_cores_are_shared_on_a_processor_and_a_card_is_not(trainings: int, threads: int, device: str, cores: Cores):
    assert share_cores(trainings, threads, device) == cores


def test_the_time_for_all_follows_from_the_cores():
    assert Cores(1, 2).seconds_for_all(3, 1.0, 2) == 3.0
    assert Cores(3, 1).seconds_for_all(3, 1.0, 2) == 1.5
    assert Cores(3, 5).seconds_for_all(3, 1.0, 16) == 1.0


@pytest.mark.parametrize("cores", [Cores(1, 1), Cores(3, 1), Cores(1, 1, in_turns=True)])
def test_the_losses_come_back_in_order(cores: Cores):
    seen = []

    def training(start: int) -> Iterator[float]:
        seen.append(torch.get_num_threads())
        yield from (float(start + step) for step in range(4))

    before = torch.get_num_threads()
    found = run_trainings([training(10 * one) for one in range(3)], 4, cores)
    assert found == [[10.0 * one + step for step in range(4)] for one in range(3)]
    assert seen == [1, 1, 1]
    assert torch.get_num_threads() == before


def test_one_that_fails_stops_the_others():
    started = threading.Event()

    def failing() -> Iterator[float]:
        yield 0.0
        started.wait()
        raise RuntimeError("no more memory")

    def endless() -> Iterator[float]:
        while True:
            started.set()
            yield 0.0

    with pytest.raises(RuntimeError, match="no more memory"):
        run_trainings([failing(), endless()], 10**9, Cores(2, 1))
    assert not any(thread.name.startswith("imgsim-train") for thread in threading.enumerate())


@pytest.mark.parametrize("cores", [Cores(2, 1), Cores(1, 1), Cores(1, 1, in_turns=True)])
def test_an_interruption_closes_all_that_have_begun_in_their_own_threads(cores: Cores, monkeypatch: pytest.MonkeyPatch):
    begun, closed = [], []

    def endless(name: int) -> Iterator[float]:
        begun.append(name)
        try:
            while True:
                yield 0.0
        finally:
            closed.append((name, threading.current_thread().name.startswith("imgsim-train")))

    def interrupted(steps: Iterator[None], *_words: object, **_more: object) -> Iterator[None]:
        yield from itertools.islice(steps, 20)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "track", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_trainings([endless(0), endless(1)], 10**9, cores)
    assert 0 in begun
    assert sorted(closed) == [(name, True) for name in sorted(begun)]
