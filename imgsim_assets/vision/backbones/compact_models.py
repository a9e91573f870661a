"""`compact:` backbones: the small models shipped with the package."""

from pathlib import Path

from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.pixels import Normalisation, PhotoInput, SquareFraming
from imgsim_assets.vision.backbones.torch_model import TorchBackbone, choose_device


def load_compact_model(backbone: Backbone, runtime: Runtime, models: Path | None) -> TorchBackbone:  # noqa: ARG001
    """Load `compact:NAME`; its weights lie in the package, so the folder of models is not looked at.

    Raises:
        UserError: there is no compact model of that name, or its weights are missing.
    """
    from imgsim_assets.vision.compact import load_compact

    device = choose_device(runtime)
    compact = load_compact(backbone.uri.partition(":")[2])
    photo_input = PhotoInput(SquareFraming(compact.size), Normalisation(compact.mean, compact.std))
    return TorchBackbone(compact.module, photo_input, device, runtime)
