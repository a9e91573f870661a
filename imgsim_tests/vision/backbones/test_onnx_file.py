"""Weights that an ONNX file keeps elsewhere: found by what it says, whatever their names are."""

from pathlib import Path

import numpy as np
import pytest

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.onnx_file import onnx_files
from imgsim_tests.vision.backbones.conftest import framed, normalised
from imgsim_tests.vision.backbones.model_files import (
    SIDE,
    onnx_node,
    onnx_tensor,
    reduce_mean,
    save_graph,
    tensor_attribute,
)

WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4) - 5


def save_with_weights_at(place: str, path: Path, *, in_a_constant: bool = False) -> Path:
    """Write a graph that multiplies mean colours with weights kept at `place`, and those."""
    tensor = onnx_tensor("weights", WEIGHTS, place)
    constant = [onnx_node("Constant", [], "weights", tensor_attribute(tensor))]
    nodes = [reduce_mean("pixels", "means"), onnx_node("MatMul", ["means", "weights"], "vector")]
    inputs = {"pixels": ("n", 3, SIDE, SIDE)}
    save_graph(path, (constant if in_a_constant else []) + nodes, inputs, ["vector"], [] if in_a_constant else [tensor])
    (path.parent / place).parent.mkdir(exist_ok=True)
    (path.parent / place).write_bytes(WEIGHTS.tobytes())
    return path


def backbone_of(path: Path) -> Backbone:
    return Backbone(uri=f"onnx:{path}", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


@pytest.mark.parametrize("place", ["weights.bin", "m.onnx.data", "w", "parts/layer 1.é", "onnx__MatMul_7"])
@pytest.mark.parametrize("in_a_constant", [False, True])
def test_weights_of_any_name_are_read_and_are_in_the_identity(place, in_a_constant, tmp_path, runtime, photos):
    path = save_with_weights_at(place, tmp_path / "m.onnx", in_a_constant=in_a_constant)
    assert onnx_files(path) == {"m.onnx": path, place: tmp_path / place}
    backbone = backbone_of(path)
    before = backbone_identity(backbone, None)
    if not in_a_constant:  # OpenVINO reads initialisers only
        model = load_backbone(backbone, runtime, None)
        means = normalised(model, photos).mean(axis=(2, 3))
        np.testing.assert_allclose(model.embed(framed(model, photos)), means @ WEIGHTS, atol=1e-4)
    (tmp_path / place).write_bytes((WEIGHTS + 1).tobytes())
    assert backbone_identity(backbone, None) != before


def test_files_beside_it_that_it_does_not_read_are_not(tmp_path):
    backbone = backbone_of(save_with_weights_at("weights.bin", tmp_path / "m.onnx"))
    before = backbone_identity(backbone, None)
    (tmp_path / "m.onnx.data").write_bytes(b"another model's")
    assert backbone_identity(backbone, None) == before


@pytest.mark.parametrize("place", ["../weights.bin", "/etc/hostname", "a/../../w", "C:\\weights", "..\\w", ""])
def test_weights_outside_of_its_folder_are_refused(place, tmp_path, runtime):
    nodes = [reduce_mean("pixels", "means"), onnx_node("MatMul", ["means", "weights"], "vector")]
    inputs = {"pixels": ("n", 3, SIDE, SIDE)}
    (tmp_path / "weights.bin").write_bytes(WEIGHTS.tobytes())
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "m.onnx"
    save_graph(path, nodes, inputs, ["vector"], [onnx_tensor("weights", WEIGHTS, place)])
    with pytest.raises(ModelError, match="leads elsewhere"):
        load_backbone(backbone_of(path), runtime, None)
    assert "files" in backbone_identity(backbone_of(path), None)


def test_missing_weights_are_named(tmp_path, runtime):
    path = save_with_weights_at("weights.bin", tmp_path / "m.onnx")
    before = backbone_identity(backbone_of(path), None)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"weights\.bin in .*no such file"):
        load_backbone(backbone_of(path), runtime, None)
    assert backbone_identity(backbone_of(path), None) != before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a, not a model",
        b'<?xml version="1.0"?><net name="m" version="11"/>',
        b"\x0a\x03abc",
        b"\xff" * 99,
        b"\x08",
    ],
)
def test_other_files_are_refused_whatever_their_name_is(content, tmp_path, runtime):
    """OpenVINO reads other formats too, and files beside them that no identity covers."""
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="an ONNX model"):
        load_backbone(backbone_of(path), runtime, None)
    assert "files" in backbone_identity(backbone_of(path), None)


def test_every_cut_of_a_file_is_refused_or_read(tmp_path):
    path = save_with_weights_at("weights.bin", tmp_path / "m.onnx")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            files = onnx_files(path)
        except ModelError:
            continue
        assert files.keys() <= {"m.onnx", "weights.bin"}
