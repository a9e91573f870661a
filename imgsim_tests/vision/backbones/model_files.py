"""Small model folders, made on the spot: real formats, random weights."""

import json
from pathlib import Path

from safetensors.torch import save_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SIDE = 32


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


def save_timm(folder: Path, architecture: str, tag: str, classes: int, model_args: dict, seed: int = 0) -> Path:
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
        "interpolation": "bicubic",
        "crop_pct": 0.9,
        "mean": [0.4, 0.5, 0.6],
        "std": [0.2, 0.25, 0.3],
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


# ONNX files are protocol buffers; the few fields that a graph of one node needs are written by hand.


def save_onnx(
    path: Path,
    shape: tuple[int | str, ...] = ("n", 3, SIDE, SIDE),
    axes: tuple[int, ...] = (2, 3),
    keep: int = 0,
    element: int = 1,
) -> Path:
    """Write a model that averages its input over `axes`: output "mean", and its input again as "same"."""
    mean = b"".join(
        [
            _bytes(1, b"pixels"),
            _bytes(2, b"mean"),
            _bytes(4, b"ReduceMean"),
            _bytes(5, _bytes(1, b"axes") + b"".join(_integer(8, axis) for axis in axes) + _integer(20, 7)),
            _bytes(5, _bytes(1, b"keepdims") + _integer(3, keep) + _integer(20, 2)),
        ]
    )
    same = _bytes(1, b"pixels") + _bytes(2, b"same") + _bytes(4, b"Identity")
    outputs = _bytes(12, _value("mean", (), element)) + _bytes(12, _value("same", (), element))
    graph = _bytes(1, mean) + _bytes(1, same) + _bytes(2, b"g") + _bytes(11, _value("pixels", shape, element)) + outputs
    path.write_bytes(_integer(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, b"") + _integer(2, 13)))
    return path


def _value(name: str, shape: tuple[int | str, ...], element: int) -> bytes:
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
