"""Whether every backbone can be had: asked before any work, of all of them, and without loading weights."""

from collections.abc import Mapping
from pathlib import Path

from imgsim_assets.errors import ImgsimError, all_together
from imgsim_assets.model_lock import timm_repository
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision import classic, compact, packaged
from imgsim_assets.vision.backbones import hf_pooling, huggingface, timm_models
from imgsim_assets.vision.backbones.hub import require_folder
from imgsim_assets.vision.backbones.loading import BUILT_IN, find_loader, installed_schemes
from imgsim_assets.vision.backbones.onnx import require_file
from imgsim_assets.vision.backbones.torch_model import choose_device


def require_models(backbones: Mapping[str, Backbone], runtime: Runtime, models: Path | None) -> None:
    """Refuse backbones whose files are not here and cannot be fetched, or that are known not to work; all in one list.

    What only a loaded model shows is found when it is loaded.

    Args:
        backbones: by name.
        runtime: device, and whether the hub may be asked.
        models: local folder of model folders.

    Raises:
        ImgsimError: one or more of them cannot be had.
    """
    faults: dict[str, ImgsimError] = {}
    for name, backbone in backbones.items():
        try:
            _require(backbone, runtime, models)
        except ImgsimError as error:
            faults[name] = error
    if faults:
        raise all_together(faults)


def _require(backbone: Backbone, runtime: Runtime, models: Path | None) -> None:
    scheme, _, name = backbone.uri.partition(":")
    if scheme == "onnx":
        require_file(backbone, runtime, models)
    elif scheme == "classic":
        classic.codebook_file(name)
    elif scheme == "compact":
        compact.compact_weights(name)
    elif scheme == "packaged":
        packaged.packaged_weights(name)
    elif scheme == "hf":
        folder = require_folder(name, huggingface.FILES, backbone, runtime, models, either=huggingface.PROCESSORS)
        if folder is not None:
            hf_pooling.check_architecture(name, huggingface.model_type(folder))
    elif scheme == "timm":
        require_folder(timm_repository(name), timm_models.FILES, backbone, runtime, models)
    elif scheme not in installed_schemes():
        find_loader(backbone.uri)  # which says what is known
    if scheme in BUILT_IN and scheme not in ("classic", "onnx") and runtime.device not in ("auto", "cpu"):
        choose_device(runtime)
