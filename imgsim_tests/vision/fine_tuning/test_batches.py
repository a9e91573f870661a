import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.vision.fine_tuning.batches import paired_order, photos_of_step, steps_an_epoch

CLASSES = st.lists(st.integers(0, 5), min_size=1, max_size=60).map(np.array)


@given(CLASSES, st.integers(0, 3))
def test_each_photo_comes_once_and_two_of_a_class_together(classes: np.ndarray, seed: int):
    order = paired_order(classes, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(classes)))
    lonely = sum(1 for count in np.bincount(classes) if count % 2)
    runs = np.split(classes[order], np.flatnonzero(np.diff(classes[order])) + 1)
    assert sum(len(run) % 2 for run in runs) == lonely


@given(CLASSES, st.integers(1, 20))
def test_the_batches_of_an_epoch_share_no_photo(classes: np.ndarray, batch: int):
    length = steps_an_epoch(len(classes), batch)
    for epoch in range(2):
        steps = [photos_of_step(classes, batch, 0, epoch * length + place) for place in range(length)]
        drawn = np.concatenate(steps)
        assert len(set(drawn.tolist())) == len(drawn)
        assert len(drawn) == (length * batch if len(classes) >= batch else len(classes))


def test_epochs_and_seeds_differ():
    classes = np.arange(40) % 5
    first, again, next_epoch, other = (
        photos_of_step(classes, 20, seed, step).tolist() for seed, step in ((0, 0), (0, 0), (0, 2), (1, 0))
    )
    assert first == again
    assert first != next_epoch
    assert first != other
