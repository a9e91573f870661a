"""`timm:` backbones: timm's architectures and weights, with timm's own preprocessing."""

import json
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imgsim_assets.errors import ModelError, said_by
from imgsim_assets.model_lock import timm_repository
from imgsim_assets.settings import Backbone, Pooling, Runtime
from imgsim_assets.vision.backbones.hub import fetch_folder
from imgsim_assets.vision.backbones.pixels import Normalisation, PhotoInput, SquareFraming, as_the_library
from imgsim_assets.vision.backbones.pooling import require_pooling
from imgsim_assets.vision.backbones.torch_model import TorchBackbone, choose_device
from imgsim_assets.vision.backbones.weights import find_weights

if TYPE_CHECKING:
    import torch

FILES = ("config.json",)
# By a part of the name of an architecture: timm averages its patches, who published it takes its class token.
BY_CLASS_TOKEN = ("_dinov3", "sapiens2_")
# timm's words for what it makes of tokens.
TIMMS_WORDS = MappingProxyType({"class_token": "token", "average": "avg", "attention": "map"})
USUAL_STEPS = [["Resize", "CenterCrop", to_tensor, "Normalize"] for to_tensor in ("ToTensor", "MaybeToTensor")]


def load_timm(backbone: Backbone, runtime: Runtime, models: Path | None) -> TorchBackbone:
    """Load `timm:NAME`, NAME being timm's (`resnetv2_50.a1h_in1k`), a hub repository or a folder.

    Raises:
        SettingsError: the revision is not pinned, or the device is not there.
        ModelError: files are missing, the weights are not this architecture's, or it has not the pooling asked for.
    """
    name = backbone.uri.partition(":")[2]
    folder = fetch_folder(timm_repository(name), FILES, backbone, runtime, models)
    device = choose_device(runtime)
    try:
        module = _load_module(name, folder, backbone.pooling)
        photo_input = load_input(module)
    except ModelError:
        raise
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
    """Tell whether a model's last layer is the projection of CLIP or PE-Core, and not a classifier to be cut off.

    timm stores the projection where classifiers sit. CLIP towers fine-tuned on ImageNet
    (`..._ft_in1k`) have a real classifier there.
    """
    name = f"{architecture}.{tag}"
    return ("clip" in name or "_pe_core_" in name) and "ft_in" not in tag


def poolings(module: Any, *, projects: bool) -> tuple[Pooling, ...]:  # noqa: ANN401
    """List what of a model's last layers can be its vector.

    Args:
        module: timm's model.
        projects: whether its last layer is a projection.
    """
    found: list[Pooling] = ["projection"] if projects else []
    if hasattr(module, "head_dist"):  # the mean of two classifiers, each over a token of its own
        return tuple(found)
    if not hasattr(module, "num_prefix_tokens"):
        # No choice of tokens: what is pooled, and how, sits in the last layer, with the projection where that attends.
        if any("AttentionPool" in type(part).__name__ for part in module.modules()):
            return tuple(found)
        return (*found, "class_token" if getattr(module, "global_pool", None) == "token" else "average")
    if getattr(module, "attn_pool", None) is not None:
        found.append("attention")
    if getattr(module, "cls_token", None) is not None:
        found.append("class_token")
    return (*found, "average")


def set_pooling(architecture: str, tag: str, module: Any, pooling: Pooling | None) -> None:  # noqa: ANN401
    """Let a model, built with its last layer, give what is asked for; None: what it was published with.

    Raises:
        ModelError: it has no such pooling.
    """
    projects = keeps_its_head(architecture, tag)
    if pooling is not None:
        require_pooling(f"timm:{architecture}.{tag}", pooling, poolings(module, projects=projects))
    elif hasattr(module, "num_prefix_tokens") and any(part in architecture for part in BY_CLASS_TOKEN):
        pooling = "class_token"
    if pooling == "projection" or (pooling is None and projects):
        return
    module.reset_classifier(0, *([TIMMS_WORDS[pooling]] if pooling and hasattr(module, "num_prefix_tokens") else []))


def _load_module(name: str, folder: Path, pooling: Pooling | None) -> "torch.nn.Module":
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
    set_pooling(architecture, pretrained.get("tag") or name.partition(".")[2], module, pooling)
    return module  # type: ignore[no-any-return]
