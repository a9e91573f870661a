"""Loading what can be trained."""

from pathlib import Path

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.backbones.torch_model import TorchBackbone


def load_trainable(backbone: Backbone, runtime: Runtime, models: Path | None) -> tuple[TorchBackbone, SquareFraming]:
    """Load a backbone that can be trained, and its framing.

    Raises:
        ModelError: it is none of torch, or shows photos to the model in a way of its own.
    """
    model = load_backbone(backbone, runtime, models)
    framing = model.framing
    if not isinstance(model, TorchBackbone) or not isinstance(framing, SquareFraming):
        raise ModelError(
            f"a torch model whose photos imgsim frames itself, to fine-tune {backbone.uri}",
            "another one",
            "take `fine_tune = true` off it",
        )
    return model, framing
