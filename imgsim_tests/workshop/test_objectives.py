import numpy as np
import pytest

from imgsim_assets.vision.classic import describe, load_classic
from imgsim_assets.vision.compact import COMPACT_NAMES, build_compact
from imgsim_workshop.centring import as_input, centre
from imgsim_workshop.classes import training_kinds
from imgsim_workshop.fisher_targets import CELL_SIDES, NUMBERS, fisher_targets
from imgsim_workshop.objectives import objective
from imgsim_workshop.pictures import draw_class
from imgsim_workshop.shape_targets import SIDE, shape_targets

KINDS = training_kinds(30)


def test_shapes_are_standardised_and_differ():
    shapes = shape_targets(KINDS)
    assert shapes.shape == (30, SIDE * SIDE)
    assert np.abs(shapes.mean(axis=0)).max() < 1e-5
    assert shapes.std(axis=0).max() <= 1.0
    apart = np.abs(shapes[:, None] - shapes[None]).max(axis=2) + 9 * np.eye(30)
    assert apart.min() > 0.1


@pytest.fixture(scope="module")
def codebook():
    return load_classic("sift").codebook


def drawn():
    return np.concatenate([draw_class(kind, 3, 0) for kind in KINDS])


@pytest.mark.slow
def test_what_is_told_of_the_edges_is_standardised_and_the_same_of_a_mirror_image(codebook):
    pictures = drawn()
    told = fisher_targets(pictures, codebook, 0, 1)
    assert told.shape == (90, NUMBERS)
    assert told.dtype == np.float32
    assert np.abs(told.mean(axis=0)).max() < 1e-5
    assert np.square(told).mean() == pytest.approx(1)
    np.testing.assert_allclose(fisher_targets(pictures[:, :, ::-1], codebook, 0, 1), told, atol=0.02)


@pytest.mark.slow
def test_pictures_whose_fisher_vectors_are_alike_are_told_to_be_alike(codebook):
    pictures = drawn()
    both = [[codebook.encode(*describe("sift", side, CELL_SIDES)) for side in (p, p[:, ::-1].copy())] for p in pictures]
    vectors = np.mean(both, axis=1)
    vectors -= vectors.mean(axis=0)
    told = fisher_targets(pictures, codebook, 0, 1)
    apart = np.triu_indices(len(pictures), 1)
    assert np.corrcoef((told @ told.T)[apart], (vectors @ vectors.T)[apart])[0, 1] > 0.9


@pytest.mark.slow
def test_what_is_told_does_not_depend_on_the_number_of_processes(codebook):
    one, two = (fisher_targets(drawn(), codebook, 0, workers) for workers in (1, 2))
    np.testing.assert_allclose(one, two, atol=1e-3)


@pytest.mark.parametrize("name", COMPACT_NAMES)
def test_an_objective_is_lowest_for_vectors_that_tell_classes_and_edges(name):
    import torch

    torch.manual_seed(0)
    loss = objective(name, KINDS, 40)
    classes, fisher = torch.arange(30).repeat(2), torch.randn(60, NUMBERS)
    vectors = torch.nn.Parameter(torch.randn(60, 40))
    optimizer = torch.optim.Adam([vectors, *loss.parameters()], lr=0.05)
    first = float(loss(vectors, classes, fisher, 1.0).detach())
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(vectors, classes, fisher, 1.0)
        value.backward()
        optimizer.step()
    assert float(value.detach()) < 0.5 * first


# Captions count the classes of a batch, which a tensor without values cannot tell.
@pytest.mark.parametrize("name", ["resnet50v2", "vit_clip"])
def test_an_objective_keeps_nothing_back_from_a_card(name):
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    loss = objective(name, KINDS, 40)
    with FakeTensorMode(allow_non_fake_inputs=True):  # refuses to mix devices, and needs no card
        moved = {
            key: torch.empty(value.shape, dtype=value.dtype, device="cuda")
            for key, value in (*loss.named_parameters(), *loss.named_buffers())
        }
        classes, fisher = torch.arange(30, device="cuda"), torch.randn(30, NUMBERS, device="cuda")
        given = torch.func.functional_call(loss, moved, (torch.randn(30, 40, device="cuda"), classes, fisher, 1.0))
    assert given.device.type == "cuda"


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
