"""`hf:` backbones: transformers' image towers, with transformers' own preprocessing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imgsim_assets.errors import ModelError, said_by
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.hf_pooling import changes_of, check_architecture, choose_forward
from imgsim_assets.vision.backbones.hub import fetch_folder
from imgsim_assets.vision.backbones.pixels import Normalisation, PhotoInput, SquareFraming, as_the_library
from imgsim_assets.vision.backbones.torch_model import TorchBackbone, choose_device

if TYPE_CHECKING:
    import torch

FILES = ("config.json",)
# The older name, and that of a processor of photos and texts, in which transformers 5 writes both.
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
# Image towers of two-tower models: loading them alone leaves the text tower on disk.
TOWERS = {
    "clip": "CLIPVisionModelWithProjection",
    "clip_vision_model": "CLIPVisionModelWithProjection",
    "siglip": "SiglipVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
}
# The folder is complete and local by now; these keep every library from looking further.
LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def load_huggingface(backbone: Backbone, runtime: Runtime, models: Path | None) -> TorchBackbone:
    """Load `hf:NAME`.

    Raises:
        SettingsError: the revision is not pinned, or the device is not there.
        ModelError: files are missing, the weights are not this architecture's, or it has not the pooling asked for.
    """
    name = backbone.uri.partition(":")[2]
    folder = fetch_folder(name, FILES, backbone, runtime, models, either=PROCESSORS)
    device = choose_device(runtime)
    try:
        module, missing = _load_module(name, folder)
        photo_input = load_input(folder)
    except ModelError:
        raise
    # transformers and safetensors have no common error class; all of theirs mean the files do not fit.
    except Exception as error:
        raise _misfit(name, folder, said_by(error)) from error
    forward = choose_forward(module, missing, backbone.pooling, backbone.uri)
    if forward is None:
        raise _misfit(name, folder, f"no weights for {', '.join(sorted(missing)[:3])} and {len(missing)} in all")
    return TorchBackbone(module, photo_input, device, runtime, forward)


def load_input(folder: Path) -> PhotoInput:
    """Load a model's own image processor.

    The Pillow implementation: it is what the published weights were made and measured with, and
    its result does not depend on the torchvision build. Families without one get the other.
    """
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(folder, backend="pil", **LOCAL)

    def preprocess(image: Image.Image) -> np.ndarray:
        pixels: np.ndarray = processor(images=image, return_tensors="np")["pixel_values"][0]
        return pixels

    return as_the_library(preprocess, _as_square(processor))


def _as_square(processor: Any) -> PhotoInput | None:  # noqa: ANN401
    """Read off an image processor what it does, as far as its usual settings say; None: it has others."""

    def setting(name: str) -> Any:  # noqa: ANN401
        return getattr(processor, name, None)

    size, crop = (dict(setting(name) or {}) for name in ("size", "crop_size"))
    scaled = size.get("shortest_edge") or size.get("height")
    side = crop.get("height") if setting("do_center_crop") else scaled
    if not (setting("do_resize") and setting("do_rescale") and setting("do_normalize") and scaled and side):
        return None
    framing = SquareFraming(
        side,
        resize="crop" if size.get("shortest_edge") else "squash",
        scaled=scaled,
        resample=Image.Resampling(int(setting("resample"))),
        middle="lower",
    )
    return PhotoInput(framing, Normalisation(tuple(setting("image_mean")), tuple(setting("image_std"))))


def _load_module(name: str, folder: Path) -> tuple["torch.nn.Module", set[str]]:
    import transformers

    hush_library()
    config = transformers.AutoConfig.from_pretrained(folder, **LOCAL)
    check_architecture(name, config.model_type)
    model_class = getattr(transformers, TOWERS.get(config.model_type, "AutoModel"))
    changes = changes_of(config.model_type) | ({"config": tower_config(config, "vision")} if is_clip(config) else {})
    module, report = model_class.from_pretrained(
        folder, use_safetensors=True, output_loading_info=True, **changes, **LOCAL
    )
    return module, set(report["missing_keys"])


def hush_library() -> None:
    """Keep the library's own words, and its bar of a moment, off the screen: what is missing is said by imgsim."""
    from transformers import logging

    # Its report on a two-tower checkpoint names every tensor of the other tower.
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def model_type(folder: Path) -> str:
    """Read an architecture's name; nothing, where the library is to say what is wrong with the file."""
    try:
        return str(json.loads((folder / FILES[0]).read_text(encoding="utf-8")).get("model_type", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def is_clip(config: Any) -> bool:  # noqa: ANN401
    """Tell whether a configuration is that of CLIP's two towers."""
    return bool(config.model_type == "clip")


def tower_config(config: Any, tower: str) -> Any:  # noqa: ANN401
    """Give the configuration of one of CLIP's towers, `vision` or `text`.

    How many numbers the projections give is said of the whole; what a tower says of it is not read by the library
    where it loads both, and stays at its default where only the whole was configured.
    """
    alone = getattr(config, f"{tower}_config")
    alone.projection_dim = config.projection_dim
    return alone


def _misfit(name: str, folder: Path, found: str) -> ModelError:
    return ModelError(
        f"weights in {folder} that fit its config.json",
        found,
        f"copy the model's files again, all of one revision; hf:{name} must be a transformers image model",
    )
