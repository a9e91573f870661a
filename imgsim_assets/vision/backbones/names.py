"""Where an ONNX backbone's file lies."""

from pathlib import Path


def onnx_path(name: str, models: Path | None) -> Path:
    """Give the path of an ONNX file: as written, or else inside the folder of models."""
    written = Path(name).expanduser()
    if models is not None and not written.is_file() and (models / name).is_file():
        return models / name
    return written
