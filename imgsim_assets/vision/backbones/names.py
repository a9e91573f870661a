"""What the part of a uri after its scheme stands for: a hub repository, or files on disk."""

from pathlib import Path


def timm_repository(name: str) -> str:
    """Name the hub repository of a timm model.

    A model with OpenAI's activation (`..._clip_quickgelu_...`) is another architecture over the
    same weights, and shares their repository.
    """
    if "/" in name or name.startswith((".", "~")):
        return name
    return f"timm/{name.replace('_clip_quickgelu_', '_clip_')}"


def onnx_path(name: str, models: Path | None) -> Path:
    """Give the path of an ONNX file: as written, or else inside the folder of models."""
    written = Path(name).expanduser()
    if models is not None and not written.is_file() and (models / name).is_file():
        return models / name
    return written
