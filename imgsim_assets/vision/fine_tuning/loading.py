"""Loading what is trained, or was: shown photos as large as its training shows them."""

from dataclasses import replace
from pathlib import Path

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone, FineTuning, Runtime
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.backbones.torch_model import TorchBackbone
from imgsim_assets.vision.fine_tuning.usual import usual


def load_trainable(
    backbone: Backbone, fine_tuning: FineTuning, runtime: Runtime, models: Path | None
) -> tuple[TorchBackbone, SquareFraming]:
    """Load a backbone to be trained, and its framing: photos are larger by `fine_tuning.enlarge`.

    Raises:
        ModelError: it is none of torch, or shows photos to the model in a way of its own, or takes no larger ones.
    """
    model, framing = _load(backbone, runtime, models)
    times = fine_tuning.enlarge
    if times == "auto":
        times = usual(backbone.uri).enlarge
    return _shown(model, framing, round(times * framing.size))


def load_trained(backbone: Backbone, size: int, runtime: Runtime, models: Path | None) -> TorchBackbone:
    """Load a backbone whose fine-tuned networks are to be asked: those of photos of `size` x `size` pixels.

    Raises:
        ModelError: see `load_trainable`.
    """
    model, _ = _shown(*_load(backbone, runtime, models), size)
    return model


def _load(backbone: Backbone, runtime: Runtime, models: Path | None) -> tuple[TorchBackbone, SquareFraming]:
    model = load_backbone(backbone, runtime, models)
    framing = model.framing
    if not isinstance(model, TorchBackbone) or not isinstance(framing, SquareFraming):
        raise ModelError(
            f"a torch model whose photos imgsim frames itself, to fine-tune {backbone.uri}",
            "another one",
            "take `fine_tune = true` off it",
        )
    return model, framing


def _shown(model: TorchBackbone, framing: SquareFraming, size: int) -> tuple[TorchBackbone, SquareFraming]:
    if size == framing.size:
        return model, framing
    other = replace(framing, size=size, scaled=round(framing.scaled * size / framing.size))
    try:
        return model.reframed(other), other
    # Libraries have no common error for it; an assertion is timm's.
    except (AssertionError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"a model that takes photos of {size} pixels", str(error)[:200], "set fine_tuning.enlarge to 'auto'"
        ) from error
