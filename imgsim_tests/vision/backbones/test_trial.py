"""Models that would give every photo the same, or another thing each time: refused when they are loaded."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones import loading
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_tests.vision.backbones.model_files import SIDE, onnx_node, onnx_tensor, reduce_mean, save_graph


class Toy:
    """A backbone of another package: `give` makes vectors of framed photos."""

    dimension, batch_size, device, runs_as = 3, 4, "cpu", "toy"
    framing = SquareFraming(8)

    def __init__(self, give):
        self.embed = give


def mean(batch: np.ndarray) -> np.ndarray:
    return batch.mean(axis=(1, 2)).astype(np.float32)


def boom(batch: np.ndarray) -> np.ndarray:
    raise AttributeError("'NoneType' object has no attribute 'shape'\nand more")


RANDOM = np.random.default_rng(0)
FAULTS = {
    "constant": (lambda batch: np.ones((len(batch), 3)), "one and the same vector"),
    "nearly constant": (lambda batch: 1e5 + mean(batch) / 100, "one and the same vector"),
    "not finite": (lambda batch: mean(batch) * np.nan, "zero or not finite"),
    "zero": (lambda batch: mean(batch) * 0, "zero or not finite"),
    "random": (lambda batch: mean(batch) + RANDOM.normal(size=(len(batch), 3)) * 60, "another vector each time"),
    "by company": (lambda batch: mean(batch) - mean(batch).mean(axis=0) * (len(batch) > 1), "alone than among others"),
    "raising": (boom, "AttributeError: 'NoneType' object has no attribute 'shape' and more"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_loses_its_photos_is_refused(fault, monkeypatch):
    give, said = FAULTS[fault]
    point = EntryPoint("toy", "imgsim_tests.vision.backbones.test_trial:LOADED", loading.ENTRY_POINT_GROUP)
    monkeypatch.setattr(loading, "entry_points", lambda group: [point])
    monkeypatch.setattr(f"{__name__}.LOADED", lambda *_: Toy(give), raising=False)
    with pytest.raises(ModelError) as caught:
        load_backbone(Backbone(uri="toy:one"), Runtime(threads=1), None)
    assert said in caught.value.found
    assert "\n" not in str(caught.value)


def test_a_model_that_keeps_them_is_not(monkeypatch):
    point = EntryPoint("toy", "imgsim_tests.vision.backbones.test_trial:LOADED", loading.ENTRY_POINT_GROUP)
    monkeypatch.setattr(loading, "entry_points", lambda group: [point])
    monkeypatch.setattr(f"{__name__}.LOADED", lambda *_: Toy(mean), raising=False)
    assert load_backbone(Backbone(uri="toy:one"), Runtime(threads=1), None).dimension == 3


def test_an_onnx_file_whose_output_hardly_depends_on_the_photo_is_refused(tmp_path, runtime):
    nodes = [
        reduce_mean("pixels", "means"),
        onnx_node("Mul", ["means", "small"], "faint"),
        onnx_node("Add", ["faint", "same"], "vector"),
    ]
    tensors = [
        onnx_tensor("small", np.array([1e-6], dtype=np.float32)),
        onnx_tensor("same", np.array([[1.0, 2.0, 3.0]], dtype=np.float32)),
    ]
    path = save_graph(tmp_path / "m.onnx", nodes, {"pixels": ("n", 3, SIDE, SIDE)}, ["vector"], tensors)
    backbone = Backbone(uri=f"onnx:{path}", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    with pytest.raises(ModelError, match="one and the same vector"):
        load_backbone(backbone, runtime, None)
