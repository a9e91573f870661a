import numpy as np
import pytest

from imgsim_assets.vision.drawing.outline import Vary
from imgsim_assets.vision.drawing.sample import KINDS
from imgsim_tests.vision.drawing.test_kinds import tones
from imgsim_workshop.classes import FAMILIES, Kind, training_kinds
from imgsim_workshop.pretraining import BUDGETS

SHIPPED = training_kinds(BUDGETS["full"].classes)


@pytest.mark.slow
def test_no_training_class_is_a_class_of_the_sample():
    sample = np.stack([tones(design, side=32) for design in KINDS.values()])
    overlaps = []
    for kind in SHIPPED:
        one = tones(kind.design, side=32)
        drawn = (sample > 0) | (one > 0)
        same = (sample == one) & drawn
        overlaps.append(float((same.sum(axis=(1, 2)) / drawn.sum(axis=(1, 2))).max()))
    assert max(overlaps) < 0.9


def test_training_classes_come_from_other_formulas_than_the_sample():
    modules = {getattr(design, "func", design).__module__ for design in KINDS.values()}
    assert not modules & {family.__module__ for family, _ in FAMILIES.values()}


@pytest.mark.parametrize("count", [7, 24, 100, 601])
def test_families_share_the_classes(count):
    kinds = training_kinds(count)
    assert len(kinds) == len(set(kinds)) == count
    if count >= 24:
        assert {kind.family for kind in kinds} == set(FAMILIES)


def test_captions_tell_classes_apart():
    assert len({kind.caption for kind in SHIPPED}) == len(SHIPPED)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_class_is_the_same_thing_each_time_and_differs_from_the_next(family):
    first, again, other = (Kind(family, number).design for number in (3, 3, 4))
    assert np.array_equal(tones(first), tones(again))
    assert not np.array_equal(tones(first), tones(other))


@pytest.mark.parametrize("kind", SHIPPED[::11], ids=lambda kind: f"{kind.family}-{kind.number}")
def test_a_class_can_be_drawn_and_seen(kind):
    parts = kind.design(Vary(np.random.default_rng(0)))
    corners = np.concatenate([contour for part in parts for contour in part.contours])
    assert np.isfinite(corners).all()
    assert np.abs(corners).max() < 3
    assert (tones(kind.design) > 0).mean() > 0.004
