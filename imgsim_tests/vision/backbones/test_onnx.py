from pathlib import Path

import numpy as np
import pytest

from imgsim_assets.errors import ModelError, SettingsError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.onnx import OnnxBackbone
from imgsim_assets.vision.backbones.openvino_library import load_openvino, openvino_core
from imgsim_assets.vision.backbones.pixels import frame_probes
from imgsim_assets.vision.backbones.precision import least_cosine
from imgsim_tests.vision.backbones.conftest import framed, normalised
from imgsim_tests.vision.backbones.model_files import (
    SIDE,
    UINT8,
    onnx_node,
    onnx_tensor,
    reduce_mean,
    save_graph,
    save_onnx,
)

SHARED = Path(__file__).parents[4] / "shared"
FED = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}
PUBLISHED = {
    "resnet50_imagenet_int8.onnx": (2048, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "mobilenet_v1_imagenet.onnx": (1024, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def load(path: Path, runtime: Runtime, **fields) -> OnnxBackbone:
    model = load_backbone(Backbone(uri=f"onnx:{path}", **{**FED, **fields}), runtime, None)
    assert isinstance(model, OnnxBackbone)
    return model


def channel_means(model, photos):
    """What the test's graph computes, by numpy."""
    return normalised(model, photos).mean(axis=(2, 3))


def embedded(model, photos):
    return model.embed(framed(model, photos))


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param({}, id="any batch"),
        pytest.param({"shape": (4, 3, SIDE, SIDE)}, id="batch of four only"),
        pytest.param({"shape": (1, 3, SIDE, SIDE)}, id="one at a time only"),
        pytest.param({"shape": ("n", 3, "h", "w")}, id="any size"),
        pytest.param({"shape": ("n", SIDE, SIDE, 3), "axes": (1, 2)}, id="channels last"),
        pytest.param({"shape": ("n", "h", "w", 3), "axes": (1, 2)}, id="any size, channels last"),
        pytest.param({"shape": ("n", "c", "h", "w")}, id="nothing is fixed"),
        pytest.param({"keep": 1}, id="sides of one kept"),
        pytest.param({"element": 11}, id="float64"),
    ],
)
def test_every_form_of_graph_gives_the_same_vectors(graph, tmp_path, runtime, photos):
    model = load(save_onnx(tmp_path / "m.onnx", **graph), runtime, size=SIDE)
    vectors = embedded(model, photos)
    assert model.dimension == 3
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, channel_means(model, photos), atol=1e-5)


SHAPE = ("n", 3, SIDE, SIDE)
TWO_WAYS = [reduce_mean("depth", "depths"), reduce_mean("rgb", "colours")]
BOTH_NEEDED = [onnx_node("Add", ["rgb", "depth"], "sum"), reduce_mean("sum", "mean")]


@pytest.mark.parametrize("shape", [SHAPE, (1, 3, SIDE, SIDE), (4, 3, SIDE, SIDE)])
@pytest.mark.parametrize("fields", [{"input": "rgb", "output": "colours"}, {"output": "colours"}])
def test_photos_go_to_the_input_that_the_output_is_made_of(fields, shape, tmp_path, runtime, photos):
    path = save_graph(tmp_path / "m.onnx", TWO_WAYS, {"depth": shape, "rgb": shape}, ["depths", "colours"])
    model = load(path, runtime, **fields)
    np.testing.assert_allclose(embedded(model, photos), channel_means(model, photos), atol=1e-5)


def test_all_models_of_a_process_share_one_core(tmp_path, runtime, photos, monkeypatch):
    openvino_core()
    monkeypatch.setattr(load_openvino(), "Core", lambda: pytest.fail("a second core may end the process"))
    for name in ("one.onnx", "other.onnx"):
        save_onnx(tmp_path / name)
        assert len(embedded(load(tmp_path / name, runtime), photos)) == len(photos)


def test_an_input_that_the_output_is_not_made_of_is_refused(tmp_path, runtime):
    path = save_graph(tmp_path / "m.onnx", TWO_WAYS, {"depth": SHAPE, "rgb": SHAPE}, ["depths", "colours"])
    with pytest.raises(SettingsError, match=r"made of the input 'rgb'.*'depths' is made of 'depth'"):
        load(path, runtime, input="rgb")


@pytest.mark.parametrize("other", [SHAPE, (), (1,), ("n", 77)])
@pytest.mark.parametrize("fields", [{}, {"input": "rgb"}, {"input": "depth"}])
def test_inputs_that_nothing_is_known_for_are_refused_and_named(fields, other, tmp_path, runtime):
    nodes = BOTH_NEEDED
    if other == ("n", 77):
        nodes = [
            reduce_mean("depth", "one", (1,), 1),
            reduce_mean("rgb", "three"),
            onnx_node("Add", ["three", "one"], "mean"),
        ]
    path = save_graph(tmp_path / "m.onnx", nodes, {"rgb": SHAPE, "depth": other}, ["mean"])
    with pytest.raises(SettingsError, match=r"'mean' needs 'rgb', 'depth'"):
        load(path, runtime, **fields)


@pytest.mark.parametrize("fields", [{}, {"input": "rgb"}])
def test_an_input_with_a_value_of_its_own_keeps_it(fields, tmp_path, runtime, photos):
    """Before ONNX's fourth format every weight was listed as an input too."""
    value = onnx_tensor("depth", np.array([2.0], dtype=np.float32))
    path = save_graph(tmp_path / "m.onnx", BOTH_NEEDED, {"depth": (1,), "rgb": SHAPE}, ["mean"], [value])
    model = load(path, runtime, **fields)
    np.testing.assert_allclose(embedded(model, photos), channel_means(model, photos) + 2, atol=1e-5)


def test_an_output_that_no_photo_is_in_is_refused(tmp_path, runtime):
    path = save_graph(
        tmp_path / "m.onnx",
        [onnx_node("Identity", ["weights"], "mean"), reduce_mean("rgb", "other")],
        {"rgb": SHAPE},
        ["mean", "other"],
        [onnx_tensor("weights", np.ones((1, 8), dtype=np.float32))],
    )
    with pytest.raises(SettingsError, match="'mean' needs no input"):
        load(path, runtime)


@pytest.mark.parametrize("to", [(1, 3), (1, -1), (4, 3), (3,), (7, 3)])
def test_a_batch_that_is_fixed_inside_is_what_is_given(to, tmp_path, runtime, photos):
    nodes = [reduce_mean("pixels", "means"), onnx_node("Reshape", ["means", "to"], "mean")]
    tensors = [onnx_tensor("to", np.array(to, dtype=np.int64))]
    model = load(save_graph(tmp_path / "m.onnx", nodes, {"pixels": SHAPE}, ["mean"], tensors), runtime)
    assert model.dimension == 3
    np.testing.assert_allclose(embedded(model, photos), channel_means(model, photos), atol=1e-5)


def test_photos_that_change_each_others_vectors_are_fed_alone(tmp_path, runtime, photos):
    nodes = [reduce_mean("pixels", "means"), reduce_mean("means", "of_all", (0,), 1)]
    nodes.append(onnx_node("Sub", ["means", "of_all"], "apart"))
    nodes.append(onnx_node("Concat", ["apart", "means"], "mean", b"\x0a\x04axis\x18\x01\xa0\x01\x02"))
    model = load(save_graph(tmp_path / "m.onnx", nodes, {"pixels": SHAPE}, ["mean"]), runtime)
    together = embedded(model, photos)
    np.testing.assert_array_equal(together[2:3], embedded(model, photos[2:3]))


def test_an_input_of_bytes_is_refused(tmp_path, runtime):
    cast = onnx_node("Cast", ["bytes"], "pixels", b"\x0a\x02to\x18\x01\xa0\x01\x02")
    nodes = [cast, reduce_mean("pixels", "mean")]
    path = save_graph(tmp_path / "m.onnx", nodes, {"bytes": SHAPE}, ["mean"], element=UINT8)
    with pytest.raises(SettingsError, match="'bytes' is u8"):
        load(path, runtime)


@pytest.mark.parametrize("axes", [(1, 2, 3), (0, 1, 2, 3)])
def test_one_number_is_no_vector(axes, tmp_path, runtime):
    with pytest.raises(ModelError, match="one vector for each photo"):
        load(save_onnx(tmp_path / "m.onnx", axes=axes), runtime)


def test_float16_input_is_fed_as_such(tmp_path, runtime, photos):
    model = load(save_onnx(tmp_path / "m.onnx", element=10), runtime)
    np.testing.assert_allclose(embedded(model, photos), channel_means(model, photos), atol=5e-3)


def test_the_file_may_lie_in_the_folder_of_models(tmp_path, runtime):
    save_onnx(tmp_path / "m.onnx")
    assert load_backbone(Backbone(uri="onnx:m.onnx", **FED), runtime, tmp_path).dimension == 3


def test_a_wrong_output_name_lists_the_names_there_are(tmp_path, runtime):
    with pytest.raises(SettingsError, match=r"output 'pooled'.*outputs 'mean', 'same'"):
        load(save_onnx(tmp_path / "m.onnx"), runtime, output="pooled")


def test_a_wrong_input_name_lists_the_names_there_are(tmp_path, runtime):
    with pytest.raises(SettingsError, match=r"input 'images'.*inputs 'pixels'"):
        load(save_onnx(tmp_path / "m.onnx"), runtime, input="images")


def test_an_output_that_is_not_pooled_is_refused(tmp_path, runtime):
    with pytest.raises(ModelError, match=r"'same' of shape \(., 3, 32, 32\)"):
        load(save_onnx(tmp_path / "m.onnx"), runtime, output="same")


@pytest.mark.parametrize(
    ("graph", "fields", "said"),
    [
        ({}, {"size": 64}, "size = 32"),
        ({"shape": ("n", 3, "h", "w")}, {}, "set `size`"),
        ({"shape": ("n", 1, SIDE, SIDE)}, {}, r"\[n, 3, side, side\]"),
        ({"shape": ("n", 3, 32, 48)}, {}, r"\[n, 3, side, side\]"),
        ({}, {"mean": None}, "mean and std"),
        ({}, {"std": (0.5, 0.0, 0.5)}, "above 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(graph, fields, said, tmp_path, runtime):
    with pytest.raises(SettingsError, match=said):
        load(save_onnx(tmp_path / "m.onnx", **graph), runtime, **fields)


@pytest.mark.parametrize("name", PUBLISHED)
def test_vectors_are_onnxruntimes(name, photos):
    """Another engine on the same file: the oracle in float32, and within the tolerance in what is chosen here."""
    path = SHARED / "models" / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the project")
    onnxruntime = pytest.importorskip("onnxruntime")
    _, mean, std = PUBLISHED[name]
    fed = {"mean": mean, "std": std, "input": "pixel_values", "output": "embedding"}
    exact = load(path, Runtime(device="cpu", threads=1, precision="float32"), **fed)
    batch = np.concatenate([framed(exact, photos), frame_probes(exact.framing)])
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    pixels = np.ascontiguousarray(exact.photo_input.normalised(batch))
    expected = session.run(["embedding"], {"pixel_values": pixels})[0].reshape(len(batch), -1)
    assert exact.runs_as == "openvino on cpu, float32"
    assert least_cosine(exact.embed(batch), expected) > 0.9999
    assert least_cosine(load(path, Runtime(device="cpu", threads=1), **fed).embed(batch), expected) > 0.998


def test_a_missing_file_is_named(tmp_path, runtime):
    with pytest.raises(ModelError, match=r"absent\.onnx"):
        load(tmp_path / "absent.onnx", runtime)


def test_a_file_that_is_no_model_is_refused(tmp_path, runtime):
    (tmp_path / "m.onnx").write_bytes(b"GIF89a, not a model")
    with pytest.raises(ModelError, match="an ONNX model"):
        load(tmp_path / "m.onnx", runtime)


def test_an_absent_device_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="ONNX files run on the CPU"):
        load(save_onnx(tmp_path / "m.onnx"), Runtime(device="mps", threads=1))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models(name, runtime, photos):
    path = SHARED / "models" / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the project")
    dimension, mean, std = PUBLISHED[name]
    model = load(path, runtime, mean=mean, std=std, input="pixel_values", output="embedding")
    batch = framed(model, photos[:3])
    together = model.embed(batch)
    alone = np.concatenate([model.embed(batch[i : i + 1]) for i in range(len(batch))])

    assert model.dimension == dimension
    assert together.shape == (3, dimension)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4 * np.abs(together).max())
    assert not np.allclose(together[0], together[1], rtol=0.05)
