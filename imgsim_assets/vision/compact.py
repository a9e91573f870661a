"""The compact backbones: small members of the three families, with the weights that imgsim ships.

`clip` is transformers' CLIP image tower, `vit_clip` timm's vision transformer in CLIP's arrangement,
`resnet50v2` timm's pre-activation residual network. How they were trained: `weights/MODEL_CARD.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsim_assets.errors import ModelError
from imgsim_assets.vision.shipped import WEIGHTS, shipped_file

if TYPE_CHECKING:
    from torch import Tensor, nn

REVISION = "compact/1"  # to be raised when vectors change though the weights do not
SIZE = 64
DIMENSION = 320
MEAN = (0.5, 0.5, 0.5)
STD = (0.25, 0.25, 0.25)
STAGES, CHANNELS = (2, 2, 4), (128, 256, 512)  # of the residual network
STEM_SIDE, LAST_SIDE = 8, 4  # of the features of its first two stages and of all, in places


@dataclass(frozen=True)
class CompactModel:
    """A compact backbone, ready to use.

    Attributes:
        module: in evaluation mode; maps float32 [n, 3, size, size] to float32 [n, dimension], not normalised. It also
            takes larger pictures, whose vectors mean little unless it is trained on such.
        size: input side in pixels.
        mean, std: what its input is normalised with, per RGB channel of values in 0 to 1.
        dimension: length of its vectors.
    """

    module: "nn.Module"
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    dimension: int


def _residual(stages: int) -> "nn.Module":
    """The first stages of a pre-activation bottleneck network: [n, 3, side, side] to features [n, c, s, s]."""
    from timm.layers import BatchNormAct2d, create_conv2d
    from timm.models.resnetv2 import ResNetV2

    module: nn.Module = ResNetV2(
        layers=STAGES[:stages],
        channels=CHANNELS[:stages],
        num_classes=0,
        global_pool="",
        conv_layer=create_conv2d,
        norm_layer=BatchNormAct2d,
    )
    return module


def _averaged_down(features: "Tensor", side: int) -> "Tensor":
    """Bring the features of a larger picture, float [n, c, s, s], down to as many places as the next part takes."""
    from torch.nn.functional import adaptive_avg_pool2d

    return features if features.shape[-1] == side else adaptive_avg_pool2d(features, side)


def _stemmed(tower: "nn.Module", embed: "Callable[[Any, Tensor], Tensor]") -> "nn.Module":
    """Put a convolutional stem before a transformer: with few training pictures it sees better (Xiao 2021)."""
    from torch import nn

    class Stemmed(nn.Module):
        """A stem, and a transformer that takes its features for an image of many channels."""

        stem: nn.Module
        tower: nn.Module

        def __init__(self) -> None:
            super().__init__()
            self.stem = _residual(2)
            self.tower = tower

        def forward(self, pixels: "Tensor") -> "Tensor":
            """Embed pixels: [n, 3, side, side], of `SIZE` or larger, to [n, dimension]."""
            return embed(self.tower, _averaged_down(self.stem(pixels), STEM_SIDE))

    return Stemmed()


def _clip() -> "nn.Module":
    """CLIP's image tower: four blocks over 4 x 4 patches of the stem's features, the class token projected."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_channels=CHANNELS[1],
        image_size=STEM_SIDE,
        patch_size=2,
        projection_dim=DIMENSION,
        hidden_act="gelu",
        attn_implementation="sdpa",
    )
    tower: nn.Module = CLIPVisionModelWithProjection(config)
    return _stemmed(tower, lambda module, features: module(pixel_values=features).image_embeds)


def _vit_clip() -> "nn.Module":
    """A vision transformer with CLIP's normalisation before the blocks; one linear map of all its patches."""
    from timm.models.vision_transformer import VisionTransformer
    from torch import nn

    width = 240
    tower = VisionTransformer(
        img_size=STEM_SIDE,
        patch_size=2,
        in_chans=CHANNELS[1],
        embed_dim=width,
        depth=4,
        num_heads=4,
        num_classes=0,
        pre_norm=True,
        global_pool="",
        class_token=False,
    )
    tower.head = nn.Sequential(nn.Flatten(), nn.Linear(width * LAST_SIDE**2, DIMENSION))
    return _stemmed(tower, lambda module, features: module(features))


def _resnet50v2() -> "nn.Module":
    """A residual network whose last layer sees what is where: averaging over the places would lose it."""
    from torch import nn

    class Residual(nn.Module):
        """Features of 4 x 4 places, and one linear map of them all."""

        body: nn.Module

        def __init__(self) -> None:
            super().__init__()
            self.body = _residual(len(STAGES))
            self.head = nn.Linear(CHANNELS[-1] * LAST_SIDE**2, DIMENSION)

        def forward(self, pixels: "Tensor") -> "Tensor":
            """Embed pixels: [n, 3, side, side], of `SIZE` or larger, to [n, dimension]."""
            vectors: Tensor = self.head(_averaged_down(self.body(pixels), LAST_SIDE).flatten(1))
            return vectors

    return Residual()


BUILDERS: dict[str, Callable[[], "nn.Module"]] = {"clip": _clip, "vit_clip": _vit_clip, "resnet50v2": _resnet50v2}
COMPACT_NAMES: tuple[str, ...] = tuple(BUILDERS)


def build_compact(name: str) -> CompactModel:
    """Build a compact backbone with random weights.

    Raises:
        ModelError: there is no backbone of this name.
    """
    _check(name)
    return CompactModel(BUILDERS[name]().eval(), SIZE, MEAN, STD, DIMENSION)


def compact_weights(name: str) -> Path:
    """Give the path of the shipped weights, float16 safetensors.

    Raises:
        ModelError: there is no backbone of this name, or its file is absent.
    """
    return shipped_file("compact", name, COMPACT_NAMES, WEIGHTS)


def load_compact(name: str, weights: Path | None = None) -> CompactModel:
    """Build a compact backbone and give it its weights.

    Args:
        name: one of `COMPACT_NAMES`.
        weights: another file of the same shape; None: the shipped one.

    Raises:
        ModelError: the name is unknown, or the file is absent or of another architecture.
    """
    from safetensors.torch import load_file

    path = compact_weights(name) if weights is None else weights
    model = build_compact(name)
    tensors = {key: value.float() if value.is_floating_point() else value for key, value in load_file(path).items()}
    try:
        model.module.load_state_dict(tensors)
    except RuntimeError as mismatch:
        raise ModelError(
            f"the weights of compact:{name} in {path}", str(mismatch), "run `imgsim pretrain` again"
        ) from mismatch
    return model


def _check(name: str) -> None:
    """Refuse an unknown name."""
    if name not in BUILDERS:
        raise ModelError(f"one of {', '.join(COMPACT_NAMES)}", repr(name), "name one of them after `compact:`")
