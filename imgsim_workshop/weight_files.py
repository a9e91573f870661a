"""How what was learned is written: in the formats that ship in the package, wholly or not at all."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from imgsim_assets.vision.compact import CompactModel
from imgsim_assets.vision.fisher import Codebook


def write_codebook(codebook: Codebook, path: Path) -> None:
    """Write a codebook of a classical model."""
    from safetensors.numpy import save_file

    arrays = {key: np.ascontiguousarray(value) for key, value in asdict(codebook).items()}
    _write(path, lambda aside: save_file(arrays, aside))


def write_weights(model: CompactModel, path: Path) -> None:
    """Write a model's weights in half precision."""
    from safetensors.torch import save_file

    tensors = {
        key: (value.half() if value.is_floating_point() else value).contiguous()
        for key, value in model.module.state_dict().items()
    }
    _write(path, lambda aside: save_file(tensors, aside))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    aside = path.with_suffix(".part")
    write(aside)
    aside.chmod(0o644)  # readable by all, as the rest of the package
    aside.replace(path)
