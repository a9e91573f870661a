"""Which photos meet in a batch: pairs of a class, so that each batch tells what is alike and what is not."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def paired_order(classes: Ints, generator: np.random.Generator) -> Ints:
    """Shuffle photos so that two of a class follow each other, wherever a class has another one left.

    Args:
        classes: int64 [n].
        generator: where the order comes from.

    Returns:
        int64 [n], each row once.
    """
    shuffled = generator.permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    _, starts, counts = np.unique(classes[by_class], return_index=True, return_counts=True)
    place = np.arange(len(by_class)) - np.repeat(starts, counts)
    pair = np.cumsum(place % 2 == 0) - 1
    return np.asarray(by_class[np.argsort(generator.permutation(pair[-1] + 1)[pair], kind="stable")])


def photos_of_step(classes: Ints, batch: int, seed: int, step: int) -> Ints:
    """Give the rows of one step's batch: epoch after epoch, each photo comes once in every epoch.

    What is left of an epoch below a whole batch is left out of it.

    Args:
        classes: int64 [n], n >= 1.
        batch: photos at once; all of them where there are fewer.
        seed: of the orders.
        step: from 0 on.
    """
    length = steps_an_epoch(len(classes), batch)
    epoch, place = divmod(step, length)
    order = paired_order(classes, np.random.default_rng((seed, epoch)))
    return order[place * batch : (place + 1) * batch]


def steps_an_epoch(photos: int, batch: int) -> int:
    """Count the batches of an epoch; one at least."""
    return max(1, photos // batch)
