"""Small model folders, made on the spot: real formats, random weights."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SIDE = 32
PREPROCESSING = {"interpolation": "bicubic", "crop_pct": 0.9, "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]}


def save_clip(folder: Path, seed: int = 0) -> Path:
    import torch
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(seed)
    config = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=48,
        projection_dim=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=8,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def save_siglip(folder: Path) -> Path:
    import torch
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    torch.manual_seed(0)
    tower = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = SiglipConfig(
        vision_config={**tower, "image_size": SIDE, "patch_size": 8}, text_config={**tower, "vocab_size": 50}
    )
    SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def save_dinov2(folder: Path) -> Path:
    import torch
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, mlp_ratio=2, image_size=SIDE, patch_size=8
    )
    Dinov2Model(config).save_pretrained(folder)
    BitImageProcessor(
        size={"shortest_edge": 40}, crop_size={"height": SIDE, "width": SIDE}, resample=3
    ).save_pretrained(folder)
    return folder


def save_timm(
    folder: Path,
    architecture: str,
    tag: str,
    classes: int,
    model_args: dict,
    seed: int = 0,
    preprocessing: Mapping[str, object] = PREPROCESSING,
) -> Path:
    """Write a folder as timm's own on the hub look: config.json and model.safetensors."""
    import timm
    import torch

    torch.manual_seed(seed)
    module = timm.create_model(architecture, num_classes=classes, **model_args)
    with torch.no_grad():
        # As made, weights are so small that every activation function is a straight line to them.
        for matrix in (parameter for parameter in module.parameters() if parameter.ndim == 2):
            matrix.mul_(8)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, folder / "model.safetensors")
    pretrained = {
        "tag": tag,
        "input_size": [3, SIDE, SIDE],
        **preprocessing,
        "num_classes": classes,
        # As on the hub: places to load from, which must not be used.
        "url": "https://example.invalid/weights.pth",
        "hf_hub_id": f"timm/{architecture}.{tag}",
    }
    config = {
        "architecture": architecture,
        "num_classes": classes,
        "pretrained_cfg": pretrained,
        "model_args": model_args,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


SMALL_VIT = {"img_size": SIDE, "patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2}
SMALL_RESNET = {"layers": [1, 1, 1, 1], "channels": [16, 16, 32, 32], "stem_chs": 8}


def save_timm_clip(folder: Path) -> Path:
    return save_timm(folder, "vit_base_patch16_clip_224", "openai", 24, SMALL_VIT)


def save_timm_resnet(folder: Path) -> Path:
    return save_timm(folder, "resnetv2_50", "a1h_in1k", 10, SMALL_RESNET)


def hub_cache_folder(cache: Path, repository: str, commit: str = COMMIT) -> Path:
    """Make the folder in which the hub's cache keeps a commit."""
    base = cache / f"models--{repository.replace('/', '--')}"
    (base / "refs").mkdir(parents=True)
    (base / "refs" / "main").write_text(commit)
    folder = base / "snapshots" / commit
    folder.mkdir(parents=True)
    return folder


# ONNX files are protocol buffers; the few fields that small graphs need are written by hand.

FLOAT32, UINT8, INT64, FLOAT16, FLOAT64 = 1, 2, 7, 10, 11
Shape = tuple[int | str, ...]


def save_onnx(
    path: Path,
    shape: Shape = ("n", 3, SIDE, SIDE),
    axes: tuple[int, ...] = (2, 3),
    keep: int = 0,
    element: int = FLOAT32,
) -> Path:
    """Write a model that averages its input over `axes`: output "mean", and its input again as "same"."""
    nodes = [reduce_mean("pixels", "mean", axes, keep), onnx_node("Identity", ["pixels"], "same")]
    return save_graph(path, nodes, {"pixels": shape}, ["mean", "same"], element=element)


def save_faint(path: Path) -> Path:
    """Write a model whose vectors are one and the same but for a millionth."""
    nodes = [
        reduce_mean("pixels", "means"),
        onnx_node("Mul", ["means", "small"], "faint"),
        onnx_node("Add", ["faint", "same"], "vector"),
    ]
    tensors = [
        onnx_tensor("small", np.array([1e-6], dtype=np.float32)),
        onnx_tensor("same", np.array([[1.0, 2.0, 3.0]], dtype=np.float32)),
    ]
    return save_graph(path, nodes, {"pixels": ("n", 3, SIDE, SIDE)}, ["vector"], tensors)


def save_graph(
    path: Path,
    nodes: Sequence[bytes],
    inputs: Mapping[str, Shape],
    outputs: Sequence[str],
    tensors: Sequence[bytes] = (),
    element: int = FLOAT32,
) -> Path:
    """Write an ONNX file; outputs have the shape that follows."""
    graph = [_bytes(1, node) for node in nodes] + [_bytes(2, b"g")] + [_bytes(5, tensor) for tensor in tensors]
    graph += [_bytes(11, _value(name, shape, element)) for name, shape in inputs.items()]
    graph += [_bytes(12, _value(name, (), element)) for name in outputs]
    path.write_bytes(_integer(1, 8) + _bytes(7, b"".join(graph)) + _bytes(8, _bytes(1, b"") + _integer(2, 13)))
    return path


def onnx_node(operator: str, inputs: Sequence[str], output: str, *attributes: bytes) -> bytes:
    named = b"".join(_bytes(1, name.encode()) for name in inputs) + _bytes(2, output.encode())
    return named + _bytes(4, operator.encode()) + b"".join(_bytes(5, attribute) for attribute in attributes)


def reduce_mean(source: str, output: str, axes: tuple[int, ...] = (2, 3), keep: int = 0) -> bytes:
    over = _bytes(1, b"axes") + b"".join(_integer(8, axis) for axis in axes) + _integer(20, 7)
    kept = _bytes(1, b"keepdims") + _integer(3, keep) + _integer(20, 2)
    return onnx_node("ReduceMean", [source], output, over, kept)


def tensor_attribute(tensor: bytes) -> bytes:
    """The value of a node `Constant`."""
    return _bytes(1, b"value") + _bytes(5, tensor) + _integer(20, 4)


def onnx_tensor(name: str, values: np.ndarray, place: str | None = None) -> bytes:
    """A tensor with its numbers, or with the place where they are: in another file."""
    kind = {"float32": FLOAT32, "int64": INT64}[values.dtype.name]
    said = b"".join(_integer(1, side) for side in values.shape) + _integer(2, kind) + _bytes(8, name.encode())
    if place is None:
        return said + _bytes(9, values.tobytes())
    entries = {"location": place, "offset": "0", "length": str(values.nbytes)}
    written = [_bytes(13, _bytes(1, key.encode()) + _bytes(2, value.encode())) for key, value in entries.items()]
    return said + b"".join(written) + _integer(14, 1)


def _value(name: str, shape: Shape, element: int) -> bytes:
    sides = [_integer(1, side) if isinstance(side, int) else _bytes(2, side.encode()) for side in shape]
    dimensions = _bytes(2, b"".join(_bytes(1, side) for side in sides)) if shape else b""
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _integer(1, element) + dimensions))


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])
