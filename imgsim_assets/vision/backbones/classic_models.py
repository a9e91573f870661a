"""`classic:` backbones: Fisher vectors of local descriptors, with the codebooks shipped with the package."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.threads import thread_count
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.classic import SIDE, ClassicModel, load_classic

BATCH_SIZE = 32


class ClassicBackbone:
    """A classical model, computed on the CPU: one photo a thread."""

    device = "cpu"

    def __init__(self, model: ClassicModel, runtime: Runtime) -> None:
        """Take a model, and the number of threads and photos from the settings."""
        self.framing = SquareFraming(SIDE)
        self.dimension = model.codebook.dimension
        self.batch_size = BATCH_SIZE if runtime.batch_size == "auto" else runtime.batch_size
        self.runs_as = "numpy and opencv on cpu, float32"
        self._model = model
        self._threads = thread_count(runtime.threads)

    def prepare(self, photos: int) -> None:
        """Nothing is left to prepare."""

    def embed(self, batch: np.ndarray) -> np.ndarray:
        """Turn uint8 [n, SIDE, SIDE, 3] into float32 [n, dimension], of length one."""
        from threadpoolctl import threadpool_limits

        # One photo a thread: BLAS would start as many threads again for each.
        with threadpool_limits(1), ThreadPoolExecutor(self._threads, "imgsim-classic") as threads:
            return np.stack(list(threads.map(self._model.embed, batch)))


def load_classic_model(backbone: Backbone, runtime: Runtime, models: Path | None) -> ClassicBackbone:  # noqa: ARG001
    """Load `classic:NAME`; its codebook lies in the package, so the folder of models is not looked at.

    Raises:
        ModelError: there is no classical model of that name, or its codebook is missing.
    """
    return ClassicBackbone(load_classic(backbone.uri.partition(":")[2]), runtime)
