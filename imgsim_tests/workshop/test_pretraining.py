import numpy as np
import pytest
from safetensors.torch import load_file

from imgsim_assets.vision.compact import COMPACT_NAMES, build_compact, load_compact
from imgsim_workshop.distillation import TEACHER
from imgsim_workshop.pretraining import BUDGETS, Budget, cached_pictures, pretrain, write_codebooks
from imgsim_workshop.schedule import Schedule
from imgsim_workshop.training import train


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small steps on several threads wait for each other for minutes where other work shares the cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("pretraining")


@pytest.fixture(scope="module")
def trained(output):
    return pretrain(output, "small", seed=0, workers=1)


def prepared(folder, budget):
    """The training set of a budget, with the codebook that it is described by."""
    write_codebooks(folder, budget, 0, 1)
    return cached_pictures(folder, budget, 0, 1)


@pytest.mark.slow
def test_the_small_budget_teaches_and_its_weights_load(trained):
    assert {one.name for one in trained} == set(COMPACT_NAMES)
    for one in trained:
        start, end = np.mean(one.losses[:5]), np.mean(one.losses[-5:])
        assert len(one.losses) == BUDGETS["small"].schedules[one.name].steps
        assert end < start
        assert load_compact(one.name, one.weights).dimension > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPACT_NAMES)
def test_an_interrupted_training_ends_with_the_same_weights(output, tmp_path, name):
    import torch

    pictures = prepared(output, BUDGETS["small"])
    schedule = Schedule(steps=6, batch=8, size=64, naming=(0.2, 1.0))
    torch.manual_seed(5)
    teacher = None if name == TEACHER else build_compact(TEACHER)

    def run(checkpoint, stop_after=None):
        return train(name, pictures, schedule, 1, checkpoint=checkpoint, teacher=teacher, stop_after=stop_after)

    straight, losses = run(tmp_path / "straight")
    run(tmp_path / "stopped", stop_after=3)
    resumed, resumed_losses = run(tmp_path / "stopped")
    assert resumed_losses == losses
    for key, value in straight.module.state_dict().items():
        assert value.equal(resumed.module.state_dict()[key]), key


@pytest.mark.slow
def test_a_finished_run_trains_no_more(output, trained):
    before = {name: load_file(output / f"{name}.safetensors") for name in COMPACT_NAMES}
    pretrain(output, "small", seed=0, workers=1)
    for name, tensors in before.items():
        again = load_file(output / f"{name}.safetensors")
        assert all(value.equal(again[key]) for key, value in tensors.items())


@pytest.mark.slow
def test_pictures_are_drawn_and_described_once(tmp_path):
    budget = BUDGETS["small"]
    first = prepared(tmp_path, budget)
    arrays = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")}
    again = cached_pictures(tmp_path, budget, 0, 1)
    assert len(arrays) == 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")} == arrays
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.fisher, again.fisher)
    assert len(first.classes) == budget.classes * budget.pictures


@pytest.mark.slow
def test_the_teacher_is_not_changed_by_its_lessons(tmp_path):
    import torch

    pictures = prepared(tmp_path, Budget(classes=8, pictures=3, schedules={}, large_classes=24))
    teacher = build_compact(TEACHER)
    before = {key: value.clone() for key, value in teacher.module.state_dict().items()}
    train(
        "vit_clip",
        pictures,
        Schedule(steps=2, batch=4, size=64),
        0,
        checkpoint=tmp_path / "checkpoint",
        teacher=teacher,
    )
    assert all(torch.equal(value, teacher.module.state_dict()[key]) for key, value in before.items())
