"""What of a transformers model's output is the photo's vector.

Where the library pools, its pooling is taken: a projection, an attention pool, a normalised class token, a mean over
places. Where it does not, or the weights for it are absent: the class token of models that have one, and else the mean
of the patches or places. The first patch of a model without a class token says what is in one corner. Settings may name
another pooling that the model has.
"""

from collections.abc import Callable, Collection
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Pooling
from imgsim_assets.vision.backbones.pooling import require_pooling

if TYPE_CHECKING:
    import torch

Forward = Callable[[Any, "torch.Tensor"], "torch.Tensor"]

# By the library's name of the architecture: why no vector of a photo can be had of it.
NOT_SUPPORTED = MappingProxyType(
    {
        **dict.fromkeys(
            ("siglip2", "siglip2_vision_model"),
            "a NaFlex model, which takes patches of any form; SigLIP 2 models of a fixed size do",
        ),
        **dict.fromkeys(
            ("timesformer", "videomae", "videoprism", "videoprism_vision_model", "vivit", "vjepa2"), "a model of videos"
        ),
        **dict.fromkeys(
            ("conditional_detr", "dab-detr", "deformable_detr", "detr", "table-transformer", "rt_detr", "rt_detr_v2"),
            "a detector: it finds things in a photo and has no vector of the whole",
        ),
        "imagegpt": "a model of sequences of colours, which takes no photo",
    }
)
# Masks patches at random while it is trained.
MASKED = "vit_mae"
# Parameters by which a class token is known: it is the first of all tokens, before registers and patches.
CLASS_TOKENS = ("cls_token", "class_token", "class_embedding")
TOKENS_NDIM, PLACES_NDIM = 3, 4  # [n, tokens, d]; [n, d, h, w], and [n, h, w, d] in some


def check_architecture(name: str, model_type: str) -> None:
    """Refuse an architecture of which it is known that no vector of a photo can be had of it.

    Raises:
        ModelError: it is one.
    """
    if model_type in NOT_SUPPORTED:
        raise ModelError(
            f"an architecture in hf:{name} that turns a photo into a vector",
            f"{model_type!r}, {NOT_SUPPORTED[model_type]}",
            "choose another model",
        )


def changes_of(model_type: str) -> dict[str, float]:
    """Give what is changed of an architecture's configuration: a masked autoencoder sees the whole photo."""
    return {"mask_ratio": 0.0} if model_type == MASKED else {}


def choose_forward(
    model: Any,  # noqa: ANN401
    missing: Collection[str],
    pooling: Pooling | None = None,
    uri: str = "hf:",
) -> Forward | None:
    """Choose how photos are turned into vectors; None where `missing` weights are needed for it.

    What comes raises ModelError where the model, `uri`, has not the pooling asked for: its first output tells.

    Args:
        model: a loaded model of the library.
        missing: names of its weights that its files do not have; those of the pooler are done without.
        pooling: what is asked for; None: what is said above.
        uri: the model's name.
    """
    if any(key.split(".")[0] != "pooler" for key in missing):
        return None
    pools = not missing
    has_class_token = any(_is_class_token(name) for name, _ in model.named_parameters())
    two_towers = hasattr(model.config, "vision_config") and hasattr(model, "get_image_features")

    def forward(module: Any, pixels: "torch.Tensor") -> "torch.Tensor":  # noqa: ANN401
        if two_towers:
            output = module.get_image_features(pixel_values=pixels)
        elif module.config.model_type == MASKED:
            output = module(pixel_values=pixels, noise=_in_order(module, pixels))
        else:
            output = module(pixel_values=pixels)
        if pooling is None:
            return _vector(output, pools=pools, has_class_token=has_class_token)
        heads = _pooled(module, output, two_towers=two_towers) if pools else {}
        known = heads | ({} if two_towers else _of_tokens(module, output, has_class_token=has_class_token))
        require_pooling(uri, pooling, known)
        return known[pooling]

    return forward


def _pooled(module: Any, output: Any, *, two_towers: bool) -> "dict[Pooling, torch.Tensor]":  # noqa: ANN401
    """Give what a model pools by weights of its own: its projection beside texts, or its attention pooling."""
    if (embeds := getattr(output, "image_embeds", None)) is not None:
        return {"projection": embeds}
    pooled = getattr(output, "pooler_output", None)
    if pooled is not None and two_towers:
        return {"projection": pooled.flatten(1)}
    attends = any("AttentionPooling" in type(part).__name__ for part in module.modules())
    return {"attention": pooled} if pooled is not None and attends else {}


def _of_tokens(module: Any, output: Any, *, has_class_token: bool) -> "dict[Pooling, torch.Tensor]":  # noqa: ANN401
    """Give what can be had of the last layer, normalised as the model's own vector is; registers are no patches."""
    hidden: torch.Tensor = getattr(output, "last_hidden_state", output)
    if hidden.ndim != TOKENS_NDIM:
        return {"average": _vector(hidden, pools=False, has_class_token=False)} if hidden.ndim == PLACES_NDIM else {}
    if getattr(output, "image_embeds", None) is not None:  # CLIP, which normalises its class token only
        hidden = module.vision_model.post_layernorm(hidden)
    first = int(has_class_token) + getattr(module.config, "num_register_tokens", 0)
    average: dict[Pooling, torch.Tensor] = {"average": hidden[:, first:].mean(1)}
    return {"class_token": hidden[:, 0], **average} if has_class_token else average


def _is_class_token(name: str) -> bool:
    # That of a head asks about the tokens, and is none of them.
    return name.rpartition(".")[2] in CLASS_TOKENS and not name.startswith("head.")


def _in_order(module: Any, pixels: "torch.Tensor") -> "torch.Tensor":  # noqa: ANN401
    """Give the noise by which a masked autoencoder shuffles its patches, so that they stay where they are."""
    import torch

    patches = module.embeddings.patch_embeddings.num_patches
    return torch.arange(patches, dtype=torch.float32, device=pixels.device).expand(len(pixels), patches)


def _vector(output: Any, *, pools: bool, has_class_token: bool) -> "torch.Tensor":  # noqa: ANN401
    for name in ("image_embeds", "pooler_output") if pools else ():
        pooled = getattr(output, name, None)
        if pooled is not None:
            # Convolutional models keep two sides of length one.
            return pooled.flatten(1)  # type: ignore[no-any-return]
    hidden: torch.Tensor = getattr(output, "last_hidden_state", output)
    if hidden.ndim == PLACES_NDIM:
        channels_last = hidden.shape[1] == hidden.shape[2] != hidden.shape[3]
        return hidden.mean((1, 2) if channels_last else (2, 3))
    if hidden.ndim == TOKENS_NDIM:
        return hidden[:, 0] if has_class_token else hidden.mean(1)
    return hidden
