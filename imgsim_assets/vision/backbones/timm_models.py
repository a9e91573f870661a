"""`timm:` backbones: timm's architectures and weights, with timm's own preprocessing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imgsim_assets.errors import ModelError, said_by
from imgsim_assets.model_lock import timm_repository
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.hub import fetch_folder
from imgsim_assets.vision.backbones.pixels import Normalisation, PhotoInput, SquareFraming, as_the_library
from imgsim_assets.vision.backbones.torch_model import TorchBackbone, choose_device
from imgsim_assets.vision.backbones.weights import find_weights

if TYPE_CHECKING:
    import torch

FILES = ("config.json",)
USUAL_STEPS = [["Resize", "CenterCrop", to_tensor, "Normalize"] for to_tensor in ("ToTensor", "MaybeToTensor")]


def load_timm(backbone: Backbone, runtime: Runtime, models: Path | None) -> TorchBackbone:
    """Load `timm:NAME`, NAME being timm's (`resnetv2_50.a1h_in1k`), a hub repository or a folder.

    Raises:
        SettingsError: the revision is not pinned, or the device is not there.
        ModelError: files are missing, or the weights are not this architecture's.
    """
    name = backbone.uri.partition(":")[2]
    folder = fetch_folder(timm_repository(name), FILES, backbone, runtime, models)
    device = choose_device(runtime)
    try:
        module = _load_module(name, folder)
        photo_input = load_input(module)
    # timm and safetensors have no common error class; all of theirs mean the files do not fit.
    except Exception as error:
        raise ModelError(
            f"timm weights in {folder} that fit its config.json",
            said_by(error),
            f"copy the model's files again, all of one revision; timm:{name} must be a timm model",
        ) from error
    return TorchBackbone(module, photo_input, device, runtime)


def load_input(module: "torch.nn.Module") -> PhotoInput:
    """Make timm's evaluation transform of a model."""
    from timm.data import create_transform, resolve_model_data_config

    transform: Any = create_transform(**resolve_model_data_config(module), is_training=False)

    def preprocess(image: Image.Image) -> np.ndarray:
        pixels: np.ndarray = transform(image).numpy()
        return pixels

    return as_the_library(preprocess, _as_square(transform.transforms))


def _as_square(steps: list[Any]) -> PhotoInput | None:
    """Read off timm's usual four steps what they do; None: these are others."""
    if [type(step).__name__ for step in steps] not in USUAL_STEPS:
        return None
    resize, crop, _, normalise = steps
    size, scaled = crop.size[0], resize.size
    mean, std = (tuple(np.asarray(values, dtype=float).tolist()) for values in (normalise.mean, normalise.std))
    framing = SquareFraming(
        size,
        resize="crop" if isinstance(scaled, int) else "squash",
        scaled=scaled if isinstance(scaled, int) else scaled[0],
        resample=Image.Resampling[resize.interpolation.name],
    )
    return PhotoInput(framing, Normalisation(mean, std))


def keeps_its_head(architecture: str, tag: str) -> bool:
    """Tell whether a model's last layer is CLIP's projection, and not a classifier to be cut off.

    timm stores the projection where classifiers sit. CLIP towers fine-tuned on ImageNet
    (`..._ft_in1k`) have a real classifier there.
    """
    return "clip" in f"{architecture}.{tag}" and "ft_in" not in tag


def _load_module(name: str, folder: Path) -> "torch.nn.Module":
    import timm

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    architecture: str = config["architecture"]
    if "_clip_quickgelu_" in name:
        architecture = architecture.replace("_clip_quickgelu_", "_clip_").replace("_clip_", "_clip_quickgelu_")
    # Configurations of before timm 0.9 are flat.
    pretrained: dict[str, Any] = config.get("pretrained_cfg", config)
    classes = config.get("num_classes", pretrained.get("num_classes", 0))
    (weights,) = find_weights(folder)
    # Built with its head, so that timm compares every weight, then cut: cut first, it no longer would.
    module: Any = timm.create_model(
        architecture,
        pretrained=True,
        pretrained_cfg={**pretrained, "num_classes": classes},
        pretrained_cfg_overlay={"file": str(weights), "hf_hub_id": None, "url": "", "custom_load": False},
        num_classes=classes,
        **config.get("model_args", {}),
    )
    if not keeps_its_head(architecture, pretrained.get("tag") or name.partition(".")[2]):
        module.reset_classifier(0)
    return module  # type: ignore[no-any-return]
