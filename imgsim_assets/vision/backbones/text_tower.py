"""The other half of a model of photos and texts: words turned into vectors that lie beside those of photos.

Words are treated as each family was trained: CLIP sees 77 tokens at most, SigLIP lower case, always filled up to 64.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from imgsim_assets.errors import ModelError, SettingsError, said_by
from imgsim_assets.settings import Backbone, Runtime, Settings
from imgsim_assets.view_table import PHOTO
from imgsim_assets.vision.backbones import huggingface
from imgsim_assets.vision.backbones.hub import fetch_folder
from imgsim_assets.vision.backbones.identity import short_uri
from imgsim_assets.vision.backbones.locking import have_model
from imgsim_assets.vision.backbones.torch_model import choose_device

if TYPE_CHECKING:
    import torch

# What of a repository the words need beside the weights: JSON alone, in which nothing can run.
FILES = (*huggingface.FILES, "tokenizer.json", "tokenizer_config.json")
# By the library's name of an architecture: its text tower, and the words around a name, as its authors asked for names.
TOWERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "clip": ("CLIPTextModelWithProjection", "a photo of a {}."),
        "siglip": ("SiglipTextModel", "this is a photo of {}."),
    }
)
BATCH = 256


class TextTower:
    """A loaded text tower with its tokenizer."""

    def __init__(self, module: "torch.nn.Module", tokenizer: Any, device: "torch.device", prompt: str) -> None:  # noqa: ANN401
        """Move the module to the device; it computes in float32.

        Args:
            module: the library's model of texts.
            tokenizer: the library's own, of the same repository.
            device: where it runs.
            prompt: the words around a name, `{}` in its place.
        """
        self.prompt = prompt
        self._module: Any = module.eval().requires_grad_(False).float().to(device)
        self._tokenizer = tokenizer
        self._device = device

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Turn texts into unit vectors, row for row: float32 [n, d]. What is too long is cut off at its end."""
        starts = range(0, len(texts), BATCH)
        found = np.concatenate([self._embed(texts[start : start + BATCH]) for start in starts])
        unit: npt.NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
        return unit

    def _embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        import torch

        config = self._module.config
        length: dict[str, Any] = {"truncation": True, "max_length": config.max_position_embeddings}
        with torch.inference_mode():
            if config.model_type == "siglip_text_model":
                # Trained on texts that were always filled up at their end, so that what fills them is seen, not masked.
                lower, filled = [text.lower() for text in texts], {"padding": "max_length", "padding_side": "right"}
                tokens = self._tokenizer(lower, return_tensors="pt", **filled, **length)
                vectors = self._module(input_ids=tokens["input_ids"].to(self._device)).pooler_output
            else:
                tokens = self._tokenizer(list(texts), padding=True, return_tensors="pt", **length)
                asked = {name: tokens[name].to(self._device) for name in ("input_ids", "attention_mask")}
                vectors = self._module(**asked).text_embeds
        numbers: npt.NDArray[np.float32] = vectors.cpu().numpy()
        return numbers


def may_have_texts(backbone: Backbone) -> bool:
    """Tell, without its files, whether a backbone's vectors may lie beside those of texts.

    They do where a model of both is read by transformers, looks at the photo itself, and gives what it was trained to.
    """
    as_published = backbone.pooling in (None, "projection", "attention")
    return backbone.uri.startswith("hf:") and as_published and PHOTO in backbone.views


def find_text_backbone(settings: Settings) -> str:
    """Name the first backbone that has a text tower; its configuration tells, fetched with its weights if absent.

    Raises:
        SettingsError: there is none.
        ModelError: a configuration is nowhere here and cannot be fetched.
    """
    for name, backbone in settings.backbones.items():
        if may_have_texts(backbone):
            have_model(settings, backbone)
            if huggingface.model_type(_folder(backbone, settings, huggingface.FILES)) in TOWERS:
                return name
    raise no_text_tower(settings)


def no_text_tower(settings: Settings) -> SettingsError:
    """Say that no backbone has a text tower."""
    return SettingsError(
        "a backbone with a text tower, a CLIP or SigLIP of photos and texts by hf: that looks at the view rgb",
        ", ".join(f"{name} ({short_uri(backbone.uri)})" for name, backbone in settings.backbones.items()),
        "use the profile clip, small or medium, or add such a backbone",
    )


def fetch_texts(backbone: Backbone, settings: Settings) -> None:
    """Fetch ahead of time what words need of a backbone's repository; nothing, where it has no text tower.

    Raises:
        ModelError: it has one, and something that the words need is nowhere here and cannot be fetched.
    """
    if may_have_texts(backbone):
        folder = _folder(backbone, settings, huggingface.FILES)
        if huggingface.model_type(folder) in TOWERS:
            _folder(backbone, settings, FILES)


def load_text_tower(backbone: Backbone, settings: Settings) -> TextTower:
    """Load the text tower of a backbone, from the weights that its image tower is of.

    Raises:
        ModelError: files are missing and cannot be fetched, or the weights are not this architecture's.
    """
    have_model(settings, backbone)
    folder = _folder(backbone, settings, FILES)
    kind = huggingface.model_type(folder)
    name, prompt = TOWERS[kind]
    try:
        module, tokenizer = _load(folder, kind, name)
    # transformers and safetensors have no common error class; all of theirs mean the files do not fit.
    except Exception as error:
        raise ModelError(
            f"a text tower and a tokenizer in {folder}",
            said_by(error),
            f"copy the files of {backbone.uri} again, all of one revision; or take the profile clip, small or medium",
        ) from error
    return TextTower(module, tokenizer, choose_device(settings.runtime), prompt)


def _load(folder: Path, kind: str, name: str) -> tuple["torch.nn.Module", Any]:
    import transformers

    huggingface.hush_library()
    config = transformers.AutoConfig.from_pretrained(folder, **huggingface.LOCAL)
    alone = {"config": huggingface.tower_config(config, "text")} if kind == "clip" else {}
    module, report = getattr(transformers, name).from_pretrained(
        folder, use_safetensors=True, output_loading_info=True, **alone, **huggingface.LOCAL
    )
    if report["missing_keys"]:
        raise ValueError(f"no weights for {', '.join(sorted(report['missing_keys'])[:3])}")
    return module, transformers.AutoTokenizer.from_pretrained(folder, **huggingface.LOCAL)


def _folder(backbone: Backbone, settings: Settings, files: tuple[str, ...]) -> Path:
    runtime: Runtime = settings.runtime
    return fetch_folder(backbone.uri.partition(":")[2], files, backbone, runtime, settings.places.models)
