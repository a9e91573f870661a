"""Training on drawn photos: it learns, stops and goes on, and keeps to its budget."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from imgsim_assets.retrieval.pair_loss import batch_loss
from imgsim_assets.settings import Backbone, FineTuning, Runtime
from imgsim_assets.vision.backbones.torch_model import TorchBackbone
from imgsim_assets.vision.checkpoint import steps_kept
from imgsim_assets.vision.fine_tuning.folds import fine_tune_folds
from imgsim_assets.vision.fine_tuning.loading import load_trainable
from imgsim_assets.vision.fine_tuning.objective import SCALE
from imgsim_assets.vision.fine_tuning.training import LabelledPhotos, Plan, by_epoch, fine_tune
from imgsim_tests.vision.backbones.model_files import SIDE, save_clip, save_timm_resnet

CLASSES = 4
RUNTIME = Runtime(precision="float32", threads=1)
PLAN = Plan(classes=CLASSES, size=SIDE, steps=30, rate=1e-3)


@pytest.fixture(scope="module", params=["timm", "hf"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TorchBackbone:
    folder = tmp_path_factory.mktemp("models") / "small"
    (save_timm_resnet if request.param == "timm" else save_clip)(folder)
    return load_trainable(Backbone(uri=f"{request.param}:{folder}"), FineTuning(), RUNTIME, None)[0]


def draw_photos(seed: int, photos: int = 12, side: int = 36) -> LabelledPhotos:
    """Draw noise, brighter in another quarter for each class."""
    random = np.random.default_rng(seed)
    classes = np.repeat(np.arange(CLASSES), photos)
    pixels = random.integers(0, 150, (len(classes), side, side, 3))
    for one, number in zip(pixels, classes, strict=True):
        # A stripe, since views are mirrored.
        one[number * side // CLASSES : (number + 1) * side // CLASSES] += 100
    return LabelledPhotos(pixels.astype(np.uint8), np.arange(len(classes)), classes)


def named(network, photos: LabelledPhotos) -> float:
    """Share of photos whose class is named by the directions."""
    middle = slice(2, 2 + SIDE)
    with torch.no_grad():
        unit = torch.nn.functional.normalize(network(torch.from_numpy(photos.pixels[:, middle, middle])), dim=1)
        logits = SCALE * unit @ torch.nn.functional.normalize(network.directions, dim=1).T
    return float((logits.argmax(dim=1).numpy() == photos.classes).mean())


@pytest.mark.slow
def test_photos_that_were_not_learned_from_are_named(model: TorchBackbone, tmp_path: Path):
    network = model.to_train()
    plan = Plan(classes=CLASSES, size=SIDE, steps=120, rate=3e-3)
    losses = list(fine_tune(network, draw_photos(0), plan, batch_loss, tmp_path / "c"))
    assert len(losses) == 120
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])
    assert named(network, draw_photos(1)) > 0.6
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())


@pytest.mark.slow
def test_a_stopped_training_is_saved_where_it_is_and_goes_on_to_the_same_end(model: TorchBackbone, tmp_path: Path):
    photos = draw_photos(0)
    whole, broken, again = (model.to_train() for _ in range(3))
    losses = list(fine_tune(whole, photos, PLAN, batch_loss, tmp_path / "whole"))
    training = fine_tune(broken, photos, PLAN, batch_loss, tmp_path / "broken")
    taken = list(itertools.islice(training, 17))
    training.close()
    resumed = fine_tune(again, photos, PLAN, batch_loss, tmp_path / "broken")
    assert steps_kept(tmp_path / "broken") == 17
    assert [next(resumed) for _ in range(17)] == taken
    assert taken + list(resumed) == losses
    for name, weight in whole.state_dict().items():
        assert weight.equal(again.state_dict()[name]), name
    assert whole.directions.equal(again.directions)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: data[:-9] + b"?" + data[-8:]])
def test_a_damaged_checkpoint_is_none(model: TorchBackbone, tmp_path: Path, damage: Callable[[bytes], bytes]):
    photos, file = draw_photos(0), tmp_path / "c"
    plan = replace(PLAN, steps=3)
    losses = list(fine_tune(model.to_train(), photos, plan, batch_loss, file))
    file.write_bytes(damage(file.read_bytes()))
    assert list(fine_tune(model.to_train(), photos, plan, batch_loss, file)) == losses


def test_with_fewer_steps_than_planned_the_rate_falls_to_nothing_all_the_same(model: TorchBackbone, tmp_path: Path):
    """Told after ten of thirty steps that eight are left: the last steps change next to nothing."""
    network, known = model.to_train(), []

    def steps_left(done: int, left: int) -> int:
        return 8 if done == 10 else left

    for _ in fine_tune(network, draw_photos(0), PLAN, batch_loss, tmp_path / "c", steps_left=steps_left):
        known.append(torch.cat([weight.detach().flatten() for weight in network.parameters()]).clone())
    assert len(known) == 18
    moved = [float((later - before).norm()) for before, later in itertools.pairwise(known)]
    assert moved[-1] < 0.1 * moved[9]


def test_what_is_frozen_stays(model: TorchBackbone, tmp_path: Path):
    network, before = model.to_train(), model.to_train().state_dict()
    plan = Plan(classes=CLASSES, size=SIDE, steps=3, rate=1e-3, share=0.01)
    list(fine_tune(network, draw_photos(0), plan, batch_loss, tmp_path / "c"))
    changed = [name for name, weight in network.state_dict().items() if not weight.equal(before[name])]
    assert 0 < len(changed) < len(before) / 2


@pytest.mark.slow
def test_folds_end_alike_and_are_kept_as_what_changed(model: TorchBackbone, tmp_path: Path):
    photos = draw_photos(0)
    trained = fine_tune_folds(
        model, ["a", "b", "c", "d"], [photos, photos], PLAN, batch_loss, folder=tmp_path, threads=2, seconds=1e6
    )
    assert (trained.steps, trained.tuned.size) == (PLAN.steps, SIDE)
    assert [len(curve) for curve in trained.curves] == [PLAN.steps, PLAN.steps]
    one, other = (model.retrained(weights) for weights in trained.tuned.weights)
    asked = draw_photos(1).pixels[:4, :SIDE, :SIDE]
    assert not np.allclose(one.embed(asked), model.embed(asked), atol=1e-4)
    assert not np.allclose(one.embed(asked), other.embed(asked), atol=1e-4)


def test_a_budget_cuts_all_folds_alike_and_stays_as_decided(model: TorchBackbone, tmp_path: Path):
    photos = draw_photos(0)
    steps = {
        seconds: fine_tune_folds(
            model, "abcd", [photos, photos], PLAN, batch_loss, folder=tmp_path, threads=1, seconds=seconds
        ).steps
        for seconds in (1e-9, 1e6)
    }
    assert steps == {1e-9: 1, 1e6: 1}


def test_time_that_is_up_ends_all_folds_alike(model: TorchBackbone, tmp_path: Path):
    """The steps were decided on an idle machine, and much more time is used up than there is."""
    (tmp_path / "steps.json").write_text("30")
    (tmp_path / "seconds.json").write_text("1e6")
    photos = draw_photos(0)
    trained = fine_tune_folds(
        model, "abcd", [photos, photos], PLAN, batch_loss, folder=tmp_path, threads=1, seconds=60.0
    )
    assert trained.steps < 10
    assert np.ptp([len(curve) for curve in trained.curves]) <= 1
    assert trained.tuned.folds == 2


def test_the_curve_has_a_mean_for_each_epoch():
    assert by_epoch([4.0, 2.0, 1.0, 1.0], photos=2 * 64) == [3.0, 1.0]
    assert by_epoch([4.0, 2.0], photos=5) == [4.0, 2.0]
