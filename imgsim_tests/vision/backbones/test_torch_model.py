import logging
from types import SimpleNamespace

import numpy as np
import openvino
import pytest
import torch
from torch import nn

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones import precision, torch_model
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import Normalisation, PhotoInput, SquareFraming, frame_probes
from imgsim_assets.vision.backbones.precision import choose_precision, least_cosine
from imgsim_assets.vision.backbones.torch_model import EXPORT_FROM, TorchBackbone

INPUT = PhotoInput(SquareFraming(16), Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))
CPU = torch.device("cpu")


class Exact(nn.Module):
    """Means of patches, which every number format holds well."""

    def forward(self, pixels):
        return torch.nn.functional.avg_pool2d(pixels, 4).flatten(1)


class Fragile(nn.Module):
    """A small difference between large numbers, which is lost with seven bits of a fraction."""

    def forward(self, pixels):
        return (Exact()(pixels) + 1000) - 1000


def processor(monkeypatch, kind: str) -> None:
    """Let OpenVINO prefer a number format by itself."""
    preferred = getattr(openvino.Type, kind)
    core = SimpleNamespace(get_property=lambda _device, _name: preferred)
    monkeypatch.setattr(precision, "openvino_core", lambda: core)


@pytest.fixture
def quick_bfloat16(monkeypatch):
    """A processor that is made for bfloat16, whatever this one is."""
    processor(monkeypatch, "bf16")


def backbone(module, **runtime) -> TorchBackbone:
    return TorchBackbone(module, INPUT, CPU, Runtime(**runtime))


def test_bfloat16_is_taken_where_it_is_fast_and_keeps_the_vectors(quick_bfloat16):
    exact, quick = backbone(Exact(), precision="float32"), backbone(Exact())
    assert quick.runs_as == "torch on cpu, bfloat16"
    probes = frame_probes(INPUT.framing)
    assert 0.999 < least_cosine(quick.embed(probes), exact.embed(probes)) < 1
    assert quick.embed(probes).dtype == np.float32


def test_a_model_that_does_not_stand_it_stays_in_float32(quick_bfloat16):
    fragile = backbone(Fragile())
    assert fragile.runs_as == "torch on cpu, float32"
    probes = frame_probes(INPUT.framing)
    np.testing.assert_array_equal(fragile.embed(probes), backbone(Fragile(), precision="float32").embed(probes))


def test_what_is_asked_for_is_done(monkeypatch):
    processor(monkeypatch, "bf16")
    assert backbone(Fragile(), precision="bfloat16").runs_as == "torch on cpu, bfloat16"
    assert backbone(Exact(), precision="float32").runs_as == "torch on cpu, float32"


@pytest.mark.parametrize("kind", ["f32", "f16"])
def test_float32_is_kept_where_bfloat16_is_slow(kind, monkeypatch):
    processor(monkeypatch, kind)
    assert backbone(Exact()).runs_as == "torch on cpu, float32"


@pytest.mark.parametrize(("knows_bfloat16", "expected"), [(True, "bfloat16"), (False, "float16")])
def test_cards_compute_in_16_bits(knows_bfloat16, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: knows_bfloat16)
    assert choose_precision("auto", "cuda") == expected
    assert choose_precision("float32", "cuda") == "float32"
    assert choose_precision("auto", "mps") == "float32"


def test_the_least_cosine_is_that_of_the_worst_row():
    one = np.array([[1, 0], [1, 1], [0, 2]], dtype=np.float32)
    other = np.array([[2, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert least_cosine(one, other) == pytest.approx(0.5**0.5)
    assert least_cosine(np.array([[np.nan, 1.0]]), np.array([[1.0, 1.0]])) == 0
    assert least_cosine(np.zeros((1, 2)), np.ones((1, 2))) == 0


@pytest.mark.parametrize("name", ["clip", "vit_clip", "resnet50v2"])
def test_shipped_models_keep_their_vectors_in_bfloat16(name, photos):
    line = Backbone(uri=f"compact:{name}")
    exact = load_backbone(line, Runtime(device="cpu", threads=1, precision="float32"), None)
    quick = load_backbone(line, Runtime(device="cpu", threads=1, precision="bfloat16"), None)
    batch = np.concatenate([np.stack([exact.framing(photo) for photo in photos]), frame_probes(exact.framing)])
    assert least_cosine(quick.embed(batch), exact.embed(batch)) > 0.999


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_a_full_memory_has_one_name(error, monkeypatch):
    model = backbone(Exact(), precision="float32")

    def full(batch):
        raise error

    monkeypatch.setattr(model, "_engine", full)
    with pytest.raises(MemoryError):
        model.embed(frame_probes(INPUT.framing))


def test_any_other_error_is_left_alone(monkeypatch):
    model = backbone(Exact(), precision="float32")

    def broken(batch):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(model, "_engine", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        model.embed(frame_probes(INPUT.framing))


def test_a_card_gets_larger_batches_and_settings_come_first():
    assert backbone(Exact(), precision="float32").batch_size == torch_model.BATCH_SIZES["cpu"]
    assert torch_model.BATCH_SIZES["cuda"] > torch_model.BATCH_SIZES["cpu"]
    assert backbone(Exact(), precision="float32", batch_size=5).batch_size == 5


def test_features_that_are_not_pooled_are_refused():
    with pytest.raises(ModelError, match="one vector for each photo"):
        backbone(nn.Conv2d(3, 4, 3), precision="float32")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["clip", "vit_clip", "resnet50v2"])
def test_openvino_gives_the_vectors_of_torch(name, precision, photos, connections):
    """And says so, for any number of photos at once, and tells nobody."""
    line, runtime = Backbone(uri=f"compact:{name}"), Runtime(device="cpu", threads=1, precision=precision)
    model = load_backbone(line, runtime, None)
    batch = np.concatenate([np.stack([model.framing(photo) for photo in photos]), frame_probes(model.framing)])
    by_torch = model.embed(batch)
    assert model.runs_as == f"torch on cpu, {precision}"
    model.prepare(EXPORT_FROM)
    assert model.runs_as == f"openvino on cpu, {precision}"
    by_openvino = model.embed(batch)
    assert by_openvino.dtype == np.float32
    assert least_cosine(by_openvino, by_torch) > (0.99999 if precision == "float32" else 0.999)
    alone = np.concatenate([model.embed(batch[i : i + 1]) for i in range(len(batch))])
    assert least_cosine(alone, by_openvino) > 0.9999
    assert connections == []


def test_few_photos_are_not_worth_an_export():
    model = backbone(Exact(), precision="float32")
    model.prepare(EXPORT_FROM - 1)
    assert model.runs_as == "torch on cpu, float32"


def test_what_cannot_be_exported_stays_with_torch(caplog):
    class Odd(nn.Module):
        def forward(self, pixels):
            return Exact()(torch.from_numpy(pixels.numpy()))  # leaves torch, so that nothing can be traced

    model = backbone(Odd(), precision="float32")
    before = model.embed(frame_probes(INPUT.framing))
    with caplog.at_level(logging.INFO):
        model.prepare(10**6)
    assert model.runs_as == "torch on cpu, float32"
    assert "not exported to OpenVINO" in caplog.text
    np.testing.assert_array_equal(model.embed(frame_probes(INPUT.framing)), before)


def test_an_export_with_other_vectors_is_not_used(monkeypatch):
    monkeypatch.setattr(torch_model, "compile_model", lambda *_: lambda batch: np.ones((len(batch), 48), np.float32))
    model = backbone(Exact(), precision="float32")
    model.prepare(10**6)
    assert model.runs_as == "torch on cpu, float32"
