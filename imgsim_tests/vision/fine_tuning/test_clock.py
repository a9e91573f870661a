"""The clock bounds training: with time made up, so that nothing is waited for."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from imgsim_assets.vision.fine_tuning.clock import Clock

STEPS, SECONDS = 200, 600.0  # one second a step of each of three, one after the other


class Machine:
    """Steps that take the seconds that `pace` says of the time that has passed."""

    def __init__(self, pace: Callable[[float], float], start: float = 1e6) -> None:
        self.pace, self.time, self.start = pace, start, start

    def now(self) -> float:
        return self.time

    @property
    def passed(self) -> float:
        return self.time - self.start

    def work(self) -> None:
        self.time += self.pace(self.passed)


class Training:
    """What `fine_tune` asks: how many steps it has taken and has left, and the place of each in the schedule."""

    def __init__(self, clock: Clock, number: int, done: int = 0) -> None:
        self.ask = partial(clock.steps_left, number)
        self.done, self.places = done, [0.0]
        self.left = self.ask(done, STEPS - done)

    def step(self, machine: Machine) -> None:
        machine.work()
        self.done += 1
        self.places.append(self.places[-1] + (STEPS - self.places[-1]) / self.left)
        self.left = self.ask(self.done, self.left - 1)


def run(tmp_path: Path, machine: Machine, at_once: int, trainings: int = 3) -> list[Training]:
    clock = Clock(tmp_path / "seconds.json", STEPS, SECONDS, [0] * trainings, machine.now)
    waiting = [Training(clock, number) for number in range(trainings)]
    every = list(waiting)
    while waiting:
        for one in waiting[:at_once]:
            if one.left:
                one.step(machine)
        waiting = [one for one in waiting if one.left]
    return every


@pytest.mark.parametrize("at_once", [1, 3])
def test_with_time_enough_every_step_is_as_planned(tmp_path: Path, at_once: int):
    machine = Machine(lambda passed: 0.9)
    for one in run(tmp_path, machine, at_once):
        assert one.places == [float(step) for step in range(STEPS + 1)]


@pytest.mark.parametrize("at_once", [1, 2, 3])
@pytest.mark.parametrize(
    "pace",
    [lambda _: 2.0, lambda passed: 0.5 if passed < 100 else 4.0, lambda passed: 4.0 if passed < 100 else 0.9],
    ids=["slow", "slower", "faster"],
)
def test_a_slow_machine_ends_in_time_with_the_rate_at_nothing(tmp_path: Path, at_once: int, pace):
    machine = Machine(pace)
    trained = run(tmp_path, machine, at_once)
    assert machine.passed <= 1.1 * SECONDS + 4
    assert at_once < 3 or machine.passed > 0.9 * SECONDS  # those that come later are cut to what the first one took
    assert min(one.done for one in trained) < STEPS
    for one in trained:
        assert one.places[-1] == pytest.approx(STEPS)
        assert all(later > before for before, later in zip(one.places, one.places[1:], strict=False))


def test_trainings_at_once_take_the_same_number_of_steps(tmp_path: Path):
    assert len({one.done for one in run(tmp_path, Machine(lambda _: 2.0), 3)}) == 1


def test_a_machine_that_slept_brings_the_rate_down_in_a_few_steps(tmp_path: Path):
    trained = run(tmp_path, Machine(lambda passed: 540.0 if 50 < passed < 53 else 1.0), 3)
    for one in trained:
        assert one.done < 25
        assert one.places[-1] == pytest.approx(STEPS)


def test_a_machine_that_slept_for_ever_so_long_ends_at_once(tmp_path: Path):
    trained = run(tmp_path, Machine(lambda passed: 9e9 if 50 < passed < 53 else 1.0), 3)
    assert max(one.done for one in trained) < 20


def test_the_time_before_an_interruption_counts(tmp_path: Path):
    file = tmp_path / "seconds.json"
    machine = Machine(lambda _: 2.0)
    clock = Clock(file, STEPS, SECONDS, [0], machine.now)
    first = Training(clock, 0)
    while machine.passed < 300:
        first.step(machine)
    again = Machine(lambda _: 10.0, start=5.0)
    second = Training(Clock(file, STEPS, SECONDS, [first.done], again.now), 0, first.done)
    while second.left:
        second.step(again)
    assert 250 < again.passed < 340
    assert first.done + 20 < second.done < STEPS
