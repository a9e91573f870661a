import numpy as np
import pytest

from imgsim_assets.vision.compact import COMPACT_NAMES, build_compact
from imgsim_assets.vision.pretraining.centring import as_input, centre
from imgsim_assets.vision.pretraining.classes import training_kinds
from imgsim_assets.vision.pretraining.objectives import objective
from imgsim_assets.vision.pretraining.pictures import draw_class
from imgsim_assets.vision.pretraining.targets import SIDE, shape_targets

KINDS = training_kinds(30)


def test_shapes_are_standardised_and_differ():
    shapes = shape_targets(KINDS)
    assert shapes.shape == (30, SIDE * SIDE)
    assert np.abs(shapes.mean(axis=0)).max() < 1e-5
    assert shapes.std(axis=0).max() <= 1.0
    apart = np.abs(shapes[:, None] - shapes[None]).max(axis=2) + 9 * np.eye(30)
    assert apart.min() > 0.1


@pytest.mark.parametrize("name", COMPACT_NAMES)
def test_an_objective_is_lowest_for_vectors_that_tell_the_classes(name):
    import torch

    torch.manual_seed(0)
    loss = objective(name, KINDS, 40)
    classes = torch.arange(30).repeat(2)
    vectors = torch.nn.Parameter(torch.randn(60, 40))
    optimizer = torch.optim.Adam([vectors, *loss.parameters()], lr=0.05)
    first = float(loss(vectors, classes, 1.0).detach())
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(vectors, classes, 1.0)
        value.backward()
        optimizer.step()
    assert float(value.detach()) < 0.5 * first


@pytest.mark.parametrize("name", COMPACT_NAMES)
def test_centring_takes_the_mean_away_and_nothing_else(name):
    import torch

    torch.manual_seed(0)
    model = build_compact(name)
    pictures = np.concatenate([draw_class(kind, 1, 0) for kind in KINDS[:12]])
    batch = as_input(pictures, model)
    with torch.inference_mode():
        before = model.module(batch)
        centre(name, model, pictures)
        after = model.module(batch)
    assert torch.allclose(after, before - before.mean(dim=0), atol=1e-4)
    assert not torch.allclose(after, before, atol=1e-4)
