"""`packaged:` backbones: networks trained on photos, whose weights are packages that install with imgsim."""

from pathlib import Path

from PIL import Image

from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.pixels import Normalisation, PhotoInput, SquareFraming
from imgsim_assets.vision.backbones.torch_model import TorchBackbone, choose_device


def load_packaged_model(backbone: Backbone, runtime: Runtime, models: Path | None) -> TorchBackbone:  # noqa: ARG001
    """Load `packaged:NAME`; its weights lie in a package, so the folder of models is not looked at.

    Raises:
        UserError: there is no packaged model of that name, or its package is not as it was published.
    """
    from imgsim_assets.vision.packaged import MEAN, STD, load_packaged, package_of

    name = backbone.uri.partition(":")[2]
    framing = SquareFraming(package_of(name).size, resample=Image.Resampling.BICUBIC)
    device = choose_device(runtime)
    return TorchBackbone(load_packaged(name), PhotoInput(framing, Normalisation(MEAN, STD)), device, runtime)
