"""A torch module as a backbone: device, forward pass, and nothing that belongs to one library."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imgsim_assets.errors import ModelError, SettingsError
from imgsim_assets.settings import Runtime

if TYPE_CHECKING:
    import torch

VECTORS_NDIM = 2


class TorchBackbone:
    """A module, the preprocessing that belongs to it, and the device it runs on."""

    def __init__(
        self,
        module: "torch.nn.Module",
        preprocess: Callable[[Image.Image], np.ndarray],
        device: "torch.device",
        forward: Callable[[Any], "torch.Tensor"] | None = None,
    ) -> None:
        """Move the module to the device and learn its dimension from one blank photo.

        Args:
            module: any dtype; it is run in float32.
            preprocess: RGB photo to float32 [c, h, w].
            device: where it runs.
            forward: float32 tensor [n, c, h, w] to tensor [n, d]; the module itself where not given.
        """
        self._module = module.eval().requires_grad_(False).float().to(device)
        self._forward = forward or module
        self._preprocess = preprocess
        self._device = device
        self.dimension = self._measure_dimension()

    def preprocess(self, image: Image.Image) -> np.ndarray:
        """Turn an RGB photo into float32 [c, h, w]."""
        return np.ascontiguousarray(self._preprocess(image), dtype=np.float32)

    def embed(self, batch: np.ndarray) -> np.ndarray:
        """Turn float32 [n, c, h, w] into float32 [n, dimension], not normalised."""
        return self._run(batch).float().cpu().numpy()

    def _run(self, batch: np.ndarray) -> "torch.Tensor":
        import torch

        # The one place where precision and memory layout are decided.
        with torch.inference_mode():
            return self._forward(torch.from_numpy(batch).to(self._device))

    def _measure_dimension(self) -> int:
        blank = Image.new("RGB", (64, 64))
        vectors = self._run(self.preprocess(blank)[np.newaxis])
        if vectors.ndim != VECTORS_NDIM:
            raise ModelError(
                "one vector for each photo",
                f"an output of shape {tuple(vectors.shape)} for one photo",
                "choose a model with pooled features",
            )
        return int(vectors.shape[1])


def choose_device(runtime: Runtime) -> "torch.device":
    """Choose where torch runs.

    Raises:
        SettingsError: the device asked for is not there.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if runtime.device == "auto":
        return torch.device(next(name for name, available in there.items() if available))
    if not there[runtime.device]:
        available = ", ".join(name for name, is_there in there.items() if is_there)
        raise SettingsError(
            f"a {runtime.device} device, as runtime.device says",
            f"torch sees {available} only",
            "set runtime.device to 'auto', or install a torch build for that device",
        )
    return torch.device(runtime.device)
