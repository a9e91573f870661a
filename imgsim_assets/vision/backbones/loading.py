"""From a backbone's line in the settings to a loaded model: the scheme of the uri chooses the loader."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType

from imgsim_assets.errors import ImgsimError, ModelError, SettingsError, said_by
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.threads import set_threads
from imgsim_assets.vision.backbones.protocol import BackboneLoader, BackboneModel

ENTRY_POINT_GROUP = "imgsim.backbones"
# By name, so that a profile of one kind never pays for importing the others' frameworks.
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "classic": "imgsim_assets.vision.backbones.classic_models:load_classic_model",
        "compact": "imgsim_assets.vision.backbones.compact_models:load_compact_model",
        "hf": "imgsim_assets.vision.backbones.huggingface:load_huggingface",
        "onnx": "imgsim_assets.vision.backbones.onnx:load_onnx",
        "packaged": "imgsim_assets.vision.backbones.packaged_models:load_packaged_model",
        "timm": "imgsim_assets.vision.backbones.timm_models:load_timm",
    }
)

FRAMEWORKS: Mapping[str, str] = MappingProxyType(
    {
        "classic": "opencv",
        "compact": "pytorch",
        "hf": "huggingface",
        "onnx": "onnx",
        "packaged": "pytorch",
        "timm": "pytorch",
    }
)


def framework_of(uri: str) -> str:
    """Name what runs a uri's model, as Dagster's UI spells it; of a package's nothing more is known than `python`."""
    return FRAMEWORKS.get(uri.partition(":")[0], "python")


def load_backbone(backbone: Backbone, runtime: Runtime, models: Path | None) -> BackboneModel:
    """Load a model, ready to embed.

    Args:
        backbone: which model, and for ONNX files how it is fed.
        runtime: device, threads, and whether the hub may be asked.
        models: local folder of model folders; it is looked into before the hub's cache.

    Raises:
        SettingsError: the scheme is unknown, or the settings do not fit the model.
        ModelError: the weights are missing, unsafe to read or not this model's, or it cannot tell pictures apart.
    """
    from imgsim_assets.vision.backbones.trial import try_out

    try:
        model = find_loader(backbone.uri)(backbone, runtime, models)
        # After loading: by now the frameworks whose threads are to be counted have been imported.
        set_threads(runtime.threads)
        try_out(model, backbone.uri)
    except ImgsimError:
        raise
    # Libraries have no common error class, and what one of them cannot do must not stop the other backbones.
    except Exception as error:
        raise ModelError(
            f"{backbone.uri} to be a model that turns photos into vectors",
            said_by(error),
            "choose another model; where memory is short, a smaller one",
        ) from error
    return model


def find_loader(uri: str) -> BackboneLoader:
    """Give the loader for a uri's scheme.

    Raises:
        SettingsError: nothing installed knows the scheme.
    """
    scheme = uri.partition(":")[0]
    if scheme in BUILT_IN:
        module, _, name = BUILT_IN[scheme].partition(":")
        loader: BackboneLoader = getattr(import_module(module), name)
        return loader
    installed = installed_schemes()
    if scheme not in installed:
        known = ", ".join(f"{name}:" for name in sorted({*BUILT_IN, *installed}))
        raise SettingsError(
            f"a backbone uri with one of the schemes {known}",
            f"{uri!r}",
            f"use one of them, or install the package that brings {scheme}: (entry point group {ENTRY_POINT_GROUP!r})",
        )
    from_package: BackboneLoader = installed[scheme].load()
    return from_package


def installed_schemes() -> dict[str, EntryPoint]:
    """List the schemes that installed packages bring; a built-in scheme cannot be taken over."""
    found = entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: point for point in found if point.name not in BUILT_IN}
