"""Loading what can be trained, to be shown photos as large as training does."""

from dataclasses import replace
from pathlib import Path

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone, FineTuning, Runtime
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.backbones.torch_model import TorchBackbone

# By kind; others were made for photos of their size.
ENLARGED = {"compact": 1.5}


def load_trainable(
    backbone: Backbone, fine_tuning: FineTuning, runtime: Runtime, models: Path | None
) -> tuple[TorchBackbone, SquareFraming]:
    """Load a backbone that can be trained, and its framing: photos are larger by `fine_tuning.enlarge`.

    Raises:
        ModelError: it is none of torch, or shows photos to the model in a way of its own, or takes no larger ones.
    """
    model = load_backbone(backbone, runtime, models)
    framing = model.framing
    if not isinstance(model, TorchBackbone) or not isinstance(framing, SquareFraming):
        raise ModelError(
            f"a torch model whose photos imgsim frames itself, to fine-tune {backbone.uri}",
            "another one",
            "take `fine_tune = true` off it",
        )
    times = fine_tuning.enlarge
    if times == "auto":
        times = ENLARGED.get(backbone.uri.partition(":")[0], 1.0)
    if times == 1.0:
        return model, framing
    larger = replace(framing, size=round(times * framing.size), scaled=round(times * framing.scaled))
    return model.reframed(larger), larger
