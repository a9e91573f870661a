"""Full-size models with random weights, written as the hub lays them out: speed does not depend on weights."""

import json
from pathlib import Path
from typing import Any

from imgsim_assets.settings import Backbone

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
TIMM = {"ViT-B/16": "vit_base_patch16_clip_224", "ResNetV2-50": "resnetv2_50"}
# How the two published ONNX models are fed, by file name: mean and std of values in 0 to 1.
ONNX = {
    "resnet50_imagenet_int8.onnx": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "mobilenet_v1_imagenet.onnx": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def write_models(folder: Path, onnx: Path | None) -> dict[str, Backbone]:
    """Write CLIP ViT-B/32 for transformers, ViT-B/16 and ResNetV2-50 for timm, and name the ONNX files there are.

    Args:
        folder: where they go, one folder each.
        onnx: where the published ONNX files are; None, or files that are not there: they are left out.
    """
    models = {"CLIP ViT-B/32": Backbone(uri=f"hf:{_write_clip(folder / 'clip')}")}
    for name, architecture in TIMM.items():
        models[name] = Backbone(uri=f"timm:{_write_timm(folder / architecture, architecture)}")
    for file, (mean, std) in ONNX.items():
        if onnx is not None and (onnx / file).is_file():
            models[file] = Backbone(uri=f"onnx:{onnx / file}", mean=mean, std=std, output="embedding")
    return models


def _write_clip(folder: Path) -> Path:
    """Write both towers and a tokenizer of a few letters: sentence-transformers wants them all."""
    import torch
    import transformers

    torch.manual_seed(0)
    size: dict[str, Any] = {"projection_dim": 512}
    vision = {"patch_size": 32, **size}
    config = transformers.CLIPConfig(text_config=size, vision_config=vision, projection_dim=512)
    transformers.CLIPModel(config).save_pretrained(folder)
    transformers.CLIPImageProcessor().save_pretrained(folder)
    letters = ["<|startoftext|>", "<|endoftext|>", *"abcdefghijklmnopqrstuvwxyz", *(f"{one}</w>" for one in "abcdef")]
    (folder / "vocab.json").write_text(json.dumps({letter: place for place, letter in enumerate(letters)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.save_pretrained(folder)
    return folder


def _write_timm(folder: Path, architecture: str) -> Path:
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    module: Any = timm.create_model(architecture)
    folder.mkdir(parents=True)
    save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, folder / "model.safetensors")
    configuration = {
        "architecture": architecture,
        "num_classes": module.num_classes,
        "pretrained_cfg": {**module.pretrained_cfg, "tag": "openai" if "clip" in architecture else "a1h_in1k"},
    }
    (folder / "config.json").write_text(json.dumps(configuration))
    return folder
