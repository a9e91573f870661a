"""The number format that a model computes in: the fastest of those that the device is made for."""

from typing import Literal

import numpy as np

from imgsim_assets.settings import Precision
from imgsim_assets.vision.backbones.openvino_library import load_openvino, openvino_core

Chosen = Literal["float32", "bfloat16", "float16"]
# Every photo's vector must keep this cosine to its float32 one.
LEAST_COSINE = 0.999


def choose_precision(asked: Precision, device: str) -> Chosen:
    """Choose the format for a device: the one asked for, or with `auto` the fastest 16-bit one, else float32.

    bfloat16 first, whose range is float32's; float16 on cards that lack it. On a CPU, bfloat16 where OpenVINO takes it
    by itself: where there are instructions for it (AMX, AVX-512 BF16), under whatever name. Elsewhere it is emulated,
    and slower than float32.

    Args:
        asked: the setting.
        device: `cpu`, `cuda` or `mps`.
    """
    if asked != "auto":
        return asked
    if device == "cuda":
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device == "cpu":
        by_itself = openvino_core().get_property("CPU", "INFERENCE_PRECISION_HINT")
        return "bfloat16" if by_itself == load_openvino().Type.bf16 else "float32"
    return "float32"


def least_cosine(vectors: np.ndarray, reference: np.ndarray) -> float:
    """Give the smallest cosine between rows of two float arrays [n, d]; 0 where a row is not finite or zero."""
    one, other = vectors.astype(np.float64), reference.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosines = np.einsum("nd,nd->n", one, other) / np.where(lengths > 0, lengths, 1)
    return float(np.where(np.isfinite(cosines), cosines, 0).min())
