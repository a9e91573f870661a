"""How others embed a folder of photos: each as its documentation shows it, in float32, on the same threads.

`in_precision` runs those of torch in another number format, so that a ratio to them is of the engines alone.

Each maker gives a function from paths to float32 vectors [n, d].
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imgsim_assets.settings import Backbone

Embed = Callable[[Sequence[Path]], np.ndarray]


@dataclass(frozen=True)
class Place:
    """Where a peer runs: `cpu` or `cuda`, so many threads or processes, so many photos at once."""

    device: str
    threads: int
    batch: int


def transformers_loop(backbone: Backbone, at: Place) -> Embed:
    """The loop of transformers' documentation: open by Pillow, the image processor, the model."""
    import torch
    import transformers

    folder = backbone.uri.partition(":")[2]
    model = transformers.CLIPModel.from_pretrained(folder).eval().to(at.device)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")

    def batch(paths: Sequence[Path]) -> np.ndarray:
        inputs = processor(images=[_opened(path) for path in paths], return_tensors="pt").to(at.device)
        with torch.inference_mode():
            return model.get_image_features(**inputs).pooler_output.float().cpu().numpy()  # type: ignore[no-any-return]

    return _in_batches(batch, at)


def timm_loop(backbone: Backbone, at: Place) -> Embed:
    """The loop of timm's documentation: open by Pillow, timm's transform, the model."""
    import torch

    module, transform = _timm(backbone)

    def batch(paths: Sequence[Path]) -> np.ndarray:
        with torch.inference_mode():
            photos = torch.stack([transform(_opened(path)) for path in paths]).to(at.device)
            return module.to(at.device)(photos).float().cpu().numpy()  # type: ignore[no-any-return]

    return _in_batches(batch, at)


def onnx_loop(backbone: Backbone, at: Place) -> Embed:
    """Pillow, NumPy and onnxruntime, in batches."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = at.threads
    path = backbone.uri.partition(":")[2]
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    side = session.get_inputs()[0].shape[-1]
    mean, std = np.array([backbone.mean, backbone.std], dtype=np.float32)

    def batch(paths: Sequence[Path]) -> np.ndarray:
        squares = [_opened(one).resize((side, side), Image.Resampling.BILINEAR) for one in paths]
        pixels = np.stack([(np.asarray(square, dtype=np.float32) / 255 - mean) / std for square in squares])
        fed = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        return session.run([backbone.output], {session.get_inputs()[0].name: fed})[0].reshape(len(paths), -1)  # type: ignore[no-any-return]

    return _in_batches(batch, at)


def sentence_transformers(backbone: Backbone, at: Place) -> Embed:
    """`SentenceTransformer.encode` of opened photos."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer

    model = SentenceTransformer(modules=[Transformer(backbone.uri.partition(":")[2])], device=at.device)

    def embed(paths: Sequence[Path]) -> np.ndarray:
        photos: Any = [_opened(path) for path in paths]
        return model.encode(photos, batch_size=at.batch, show_progress_bar=False)

    return embed


def open_clip(backbone: Backbone, at: Place) -> Embed:  # noqa: ARG001
    """A model and transform of open_clip behind a data loader with a process a core, as clip-retrieval does it."""
    import open_clip as library
    import torch

    model, _, transform = library.create_model_and_transforms("ViT-B-32", pretrained=None)
    model.eval().to(at.device)

    def embed(paths: Sequence[Path]) -> np.ndarray:
        with torch.inference_mode():
            vectors = [model.encode_image(batch.to(at.device)) for batch in _loader(paths, transform, at)]
        return np.concatenate([batch.float().cpu().numpy() for batch in vectors])

    return embed


def timm_loader(backbone: Backbone, at: Place) -> Embed:  # noqa: ARG001
    """A ViT-B/32 of timm behind a data loader with a process a core."""
    import timm
    import torch
    from timm.data import create_transform, resolve_model_data_config

    module: Any = timm.create_model("vit_base_patch32_clip_224").eval().to(at.device)
    transform = create_transform(**resolve_model_data_config(module), is_training=False)

    def embed(paths: Sequence[Path]) -> np.ndarray:
        with torch.inference_mode():
            vectors = [module(batch.to(at.device)) for batch in _loader(paths, transform, at)]
        return np.concatenate([batch.float().cpu().numpy() for batch in vectors])

    return embed


def in_precision(embed: Embed, precision: str, at: Place) -> Embed:
    """Let a contender that computes by torch do so in `precision`, as torch's autocast does it."""
    import torch

    def embed_so(paths: Sequence[Path]) -> np.ndarray:
        with torch.autocast(at.device, getattr(torch, precision)):
            return embed(paths)

    return embed_so


LOOPS: Mapping[str, Callable[[Backbone, Place], Embed]] = {
    "hf": transformers_loop,
    "timm": timm_loop,
    "onnx": onnx_loop,
}
PEERS_OF_CLIP: Mapping[str, Callable[[Backbone, Place], Embed]] = {
    "sentence-transformers": sentence_transformers,
    "open_clip, as clip-retrieval": open_clip,
    "timm's loader": timm_loader,
}


class _Opening:
    """A data set of transformed photos."""

    def __init__(self, paths: Sequence[Path], transform: Callable[[Image.Image], Any]) -> None:
        self.paths = paths
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> Any:  # noqa: ANN401
        return self.transform(_opened(self.paths[place]))


def _loader(paths: Sequence[Path], transform: Callable[[Image.Image], Any], at: Place) -> Any:  # noqa: ANN401
    from torch.utils.data import DataLoader

    dataset: Any = _Opening(paths, transform)
    return DataLoader(dataset, batch_size=at.batch, num_workers=at.threads)


def _timm(backbone: Backbone) -> tuple[Any, Any]:
    import timm
    from timm.data import create_transform, resolve_model_data_config

    folder = Path(backbone.uri.partition(":")[2])
    keeps_head = "clip" in folder.name
    module: Any = timm.create_model(
        folder.name,
        pretrained=True,
        pretrained_cfg_overlay={"file": str(folder / "model.safetensors"), "hf_hub_id": None, "url": ""},
    )
    if not keeps_head:
        module.reset_classifier(0)
    return module.eval(), create_transform(**resolve_model_data_config(module), is_training=False)


def _in_batches(batch: Embed, at: Place) -> Embed:
    def embed(paths: Sequence[Path]) -> np.ndarray:
        return np.concatenate([batch(paths[start : start + at.batch]) for start in range(0, len(paths), at.batch)])

    return embed


def _opened(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")
