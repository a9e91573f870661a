"""A backbone ready for photos: as it was kept in the state folder, or loaded and, where it was exported, kept there."""

import sys
from importlib.metadata import version
from pathlib import Path

from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.settings import Runtime, Settings
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.content_names import model_identity

ENGINES = "engines"  # in the state folder
# Schemes whose networks are torch's; the others are quick to load.
EXPORTED = ("compact", "hf", "packaged", "timm")
# What decides how a network is exported and run, beside the network.
LIBRARIES = ("openvino", "timm", "torch", "transformers")
ENGINE_REVISION = "engine/1"
CARDS = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")  # of NVIDIA, AMD, and either below Windows


def ready_backbone(settings: Settings, name: str, photos: int) -> BackboneModel:
    """Give the backbone `name`, ready for so many photos and views of them.

    Raises:
        SettingsError: its scheme is unknown, or the settings do not fit the model.
        ModelError: the weights cannot be had, are unsafe to read or not this model's, or it cannot tell pictures apart.
    """
    from imgsim_assets.vision.backbones.kept_engine import keep_engine, open_engine
    from imgsim_assets.vision.backbones.loading import load_backbone
    from imgsim_assets.vision.backbones.locking import have_model
    from imgsim_assets.vision.backbones.torch_model import TorchBackbone

    have_model(settings, settings.backbones[name])
    folder = engine_folder(settings, name)
    if folder is not None and _computes_on_the_processor(settings.runtime):
        kept = open_engine(folder, settings.runtime)
        if kept is not None:
            return kept
    model = load_backbone(settings.backbones[name], settings.runtime, settings.places.models)
    model.prepare(photos)
    if folder is not None and isinstance(model, TorchBackbone):
        keep_engine(folder, model)
    return model


def engine_folder(settings: Settings, name: str) -> Path | None:
    """Say where the exported network of the backbone `name` is, if it is anywhere; None: its kind is not exported."""
    backbone = settings.backbones[name]
    if backbone.uri.partition(":")[0] not in EXPORTED:
        return None
    from imgsim_assets.vision.backbones.precision import choose_precision

    libraries = {library: version(library) for library in LIBRARIES}
    precision = [settings.runtime.precision, choose_precision(settings.runtime.precision, "cpu")]
    known_by = fingerprint(ENGINE_REVISION, model_identity(settings, backbone), precision, libraries)
    return settings.places.state.absolute() / ENGINES / known_by.replace("/", "-")


def _computes_on_the_processor(runtime: Runtime) -> bool:
    """Say whether there is surely no card to compute on, without the seconds that torch takes to be asked."""
    if runtime.device == "auto":
        return sys.platform == "linux" and not any(Path(card).exists() for card in CARDS)
    return runtime.device == "cpu"
