"""What the part of a uri after its scheme stands for: a hub repository, or files on disk."""

from pathlib import Path

# Weights too big for the model file itself are kept beside it under such names.
ONNX_EXTERNAL_SUFFIXES = (".data", "_data", ".weights")


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


def onnx_files(name: str, models: Path | None) -> list[Path]:
    """List an ONNX file and the places where its external weights would lie."""
    path = onnx_path(name, models)
    return [path, *(path.with_name(path.name + suffix) for suffix in ONNX_EXTERNAL_SUFFIXES)]
