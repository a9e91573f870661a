import numpy as np
import pytest

from imgsim_workshop.batches import Pictures, choose_batch
from imgsim_workshop.classes import training_kinds
from imgsim_workshop.pictures import EASY, HARD, SIDE, draw_class, draw_pictures, graded
from imgsim_workshop.schedule import Schedule, naming_at, rate_at, share_at

KINDS = training_kinds(14)
NOTHING_TOLD = np.empty((140, 0), dtype=np.float32)


def test_pictures_lie_class_by_class():
    pictures = draw_pictures(KINDS, 2, seed=1, workers=1)
    assert pictures.shape == (28, SIDE, SIDE, 3)
    assert np.array_equal(pictures[6:8], draw_class(KINDS[3], 2, 1))


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing():
    assert np.array_equal(draw_pictures(KINDS, 2, 1, workers=2), draw_pictures(KINDS, 2, 1, workers=1))


def test_another_seed_gives_other_pictures_of_the_class():
    assert not np.array_equal(draw_class(KINDS[0], 1, 0), draw_class(KINDS[0], 1, 1))


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_holds_two_different_pictures_of_each_of_its_classes(seed):
    pictures = Pictures(np.empty((70, 1, 1, 3), dtype=np.uint8), np.repeat(np.arange(14), 5), KINDS, NOTHING_TOLD)
    chosen = choose_batch(pictures, 20, 1.0, np.random.default_rng(seed))
    assert len(set(chosen.tolist())) == 20
    assert set(np.unique(pictures.classes[chosen], return_counts=True)[1].tolist()) == {2}


def test_the_rate_rises_and_falls_to_nothing_in_each_round():
    schedule = Schedule(steps=200, batch=8, size=32, rate=0.5, naming=(0.2, 1.0))
    rates = [rate_at(step, schedule) for step in range(200)]
    assert rates[:100] == rates[100:]
    assert max(rates) == pytest.approx(0.5)
    assert rates[:5] == sorted(rates[:5])
    assert rates[5:100] == sorted(rates[5:100], reverse=True)
    assert rates[99] < 0.001


def test_the_curriculum_ends_with_the_first_round_and_naming_begins_then():
    schedule = Schedule(steps=200, batch=8, size=32, naming=(0.2, 1.0))
    shares = [share_at(step, schedule) for step in range(200)]
    assert shares == sorted(shares)
    assert shares[0] < 0.5
    assert set(shares[50:]) == {1.0}
    assert naming_at(99, schedule) < naming_at(100, schedule)


def test_easy_pictures_come_first():
    pictures = Pictures(np.empty((140, 1, 1, 3), dtype=np.uint8), np.repeat(np.arange(14), 10), KINDS, NOTHING_TOLD)
    chosen = choose_batch(pictures, 28, 0.3, np.random.default_rng(0))
    assert set((chosen % 10).tolist()) <= {0, 1, 2}


def test_difficulty_goes_from_easy_to_hard():
    assert graded(0.0) == EASY
    assert graded(1.0) == HARD
    assert EASY.turn < graded(0.5).turn < HARD.turn
