import pytest
from torch import nn

from imgsim_assets.vision.compact import COMPACT_NAMES, build_compact
from imgsim_assets.vision.fine_tuning.layers import block_of, layered_groups, train_mode


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("model.stages.2.blocks.1.conv1.weight", "model.stages.2.blocks.1"),
        ("model.vision_model.encoder.layers.11.mlp.fc1.bias", "model.vision_model.encoder.layers.11"),
        ("model.tower.norm.weight", "model.tower"),
        ("model.pos_embed", "model.pos_embed"),
        ("weight", "weight"),
    ],
)
def test_a_block_is_known_by_the_last_number_in_a_name(name: str, block: str):
    assert block_of(name) == block


@pytest.mark.parametrize("name", COMPACT_NAMES)
def test_every_weight_is_in_one_group_and_rates_fall_towards_the_input(name: str):
    module = build_compact(name).module
    groups = layered_groups(module, 1.0, 0.5, 1.0)
    grouped = [id(weight) for group in groups for weight in group["params"]]
    assert sorted(grouped) == sorted(id(weight) for weight in module.parameters())
    rate = {id(weight): group["lr"] for group in groups for weight in group["params"]}
    rates = [rate[id(weight)] for weight in module.parameters()]
    assert rates[-1] == 1.0
    assert rates[0] == min(rates)
    assert len(set(rates)) > 5
    for group in groups:
        assert all((weight.ndim > 1) == (group["weight_decay"] > 0) for weight in group["params"])


def test_what_is_not_among_the_last_blocks_is_frozen_with_its_statistics():
    module = build_compact("resnet50v2").module.requires_grad_(requires_grad=False)
    groups = layered_groups(module, 1.0, 1.0, 0.3)
    trained = {id(weight) for group in groups for weight in group["params"]}
    assert {id(weight) for weight in module.parameters() if weight.requires_grad} == trained
    assert 0 < len(trained) < len(list(module.parameters()))
    train_mode(module)
    for part in module.modules():
        own = list(part.parameters(recurse=False))
        if own:
            assert part.training == own[0].requires_grad


def test_nothing_is_dropped_at_random():
    module = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(4)))
    layered_groups(module, 1.0, 1.0, 1.0)
    train_mode(module)
    assert [part.training for part in module.modules()] == [True, True, True, False, True]
