"""How long and how fast a backbone learns."""

from dataclasses import dataclass

from imgsim_assets.vision.learning_rate import share_of_rate


@dataclass(frozen=True)
class Schedule:
    """How one backbone is trained.

    Attributes:
        steps: batches in all.
        batch: pictures a batch, two of each of its classes.
        size: side of the training views.
        rate: highest learning rate of each round.
        naming: for each round, in which the rate rises and falls, how much telling classes apart counts
            beside telling shapes. Easy pictures come first in the first round only.
        halved: compute in bfloat16.
    """

    steps: int
    batch: int
    size: int
    rate: float = 1e-3
    naming: tuple[float, ...] = (1.0,)
    halved: bool = False


def place_at(step: int, schedule: Schedule) -> tuple[int, float]:
    """Tell which round a step is in, and how much of it is over."""
    length = max(1, schedule.steps // len(schedule.naming))
    current = min(step // length, len(schedule.naming) - 1)
    return current, (step - current * length) / length


def rate_at(step: int, schedule: Schedule) -> float:
    """Give the learning rate, which rises and falls in each round."""
    length = max(1, schedule.steps // len(schedule.naming))
    _, over = place_at(step, schedule)
    return schedule.rate * share_of_rate(round(over * length), length)


def share_at(step: int, schedule: Schedule) -> float:
    """Give the share of each class's pictures, easiest first, that is in use: all from mid-way through a round."""
    current, over = place_at(step, schedule)
    return 1.0 if current > 0 else min(1.0, 0.3 + 1.4 * over)


def naming_at(step: int, schedule: Schedule) -> float:
    """Give the weight of telling classes apart, beside that of telling shapes."""
    current, _ = place_at(step, schedule)
    return schedule.naming[current]
