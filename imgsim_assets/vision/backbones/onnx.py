"""`onnx:` backbones: any exported model, fed as the settings say, run by onnxruntime."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image

from imgsim_assets.errors import ModelError, SettingsError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.names import onnx_path
from imgsim_assets.vision.backbones.onnx_signature import Signature, read_signature
from imgsim_assets.vision.backbones.pixels import SquareInput
from imgsim_assets.vision.threads import thread_count

PROVIDERS = {"cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}
IMAGENET = "for ImageNet models mostly mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225]"


class OnnxBackbone:
    """An onnxruntime session, fed in the layout, type and batch size that its graph asks for."""

    def __init__(self, session: Any, signature: Signature, square: SquareInput) -> None:  # noqa: ANN401
        """Learn the dimension from one blank photo."""
        self._session = session
        self._signature = signature
        self._square = square
        blank = np.zeros((1, 3, square.size, square.size), dtype=np.float32)
        self.dimension = int(self.embed(blank).shape[1])

    def preprocess(self, image: Image) -> np.ndarray:
        """Turn an RGB photo into float32 [3, size, size]."""
        return self._square(image)

    def embed(self, batch: np.ndarray) -> np.ndarray:
        """Turn float32 [n, 3, size, size] into float32 [n, dimension], not normalised."""
        step = self._signature.batch or len(batch)
        return np.concatenate([self._run(batch[start : start + step], step) for start in range(0, len(batch), step)])

    def _run(self, batch: np.ndarray, step: int) -> np.ndarray:
        fed = np.zeros((step, *batch.shape[1:]), dtype=self._signature.dtype)
        fed[: len(batch)] = batch
        if self._signature.channels_last:
            fed = np.ascontiguousarray(fed.transpose(0, 2, 3, 1))
        (vectors,) = self._session.run([self._signature.output], {self._signature.input: fed})
        # [n, d] or [n, d, 1, 1]: pooled, with or without the sides of length one.
        if vectors.shape[:1] != (step,) or vectors.size != math.prod(vectors.shape[:2]):
            raise ModelError(
                "one vector for each photo",
                f"output {self._signature.output!r} of shape {vectors.shape}",
                "name a pooled output in the backbone's `output`",
            )
        return vectors.reshape(len(vectors), -1)[: len(batch)].astype(np.float32)  # type: ignore[no-any-return]


def load_onnx(backbone: Backbone, runtime: Runtime, models: Path | None) -> OnnxBackbone:
    """Load `onnx:FILE`, FILE being a path, or one inside the folder of models.

    Raises:
        SettingsError: mean, std, size or a name does not fit the model, or the device is not there.
        ModelError: the file is missing or is not an ONNX model.
    """
    name = backbone.uri.partition(":")[2]
    path = onnx_path(name, models)
    if not path.is_file():
        places = f"{path.resolve()}" + (f" or {models / name}" if models is not None else "")
        raise ModelError(f"an ONNX file at {places}", "no such file", "correct the path in the backbone's uri")
    if backbone.mean is None or backbone.std is None:
        given = f"mean = {backbone.mean}, std = {backbone.std}"
        raise SettingsError(f"mean and std of {backbone.uri}", given, f"set both as the model was trained; {IMAGENET}")
    if min(backbone.std) <= 0:
        raise SettingsError(
            f"std of {backbone.uri} above 0", str(backbone.std), "correct it; values are those of 0..1 pixels"
        )
    session = _open_session(path, runtime)
    signature = read_signature(session, backbone)
    return OnnxBackbone(session, signature, SquareInput(signature.size, backbone.mean, backbone.std, backbone.resize))


def _open_session(path: Path, runtime: Runtime) -> Any:  # noqa: ANN401
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Sessions have threads of their own, which cannot be changed once they run.
    options.intra_op_num_threads = thread_count(runtime.threads)
    options.inter_op_num_threads = 1
    providers = _choose_providers(runtime, onnxruntime.get_available_providers())
    try:
        return onnxruntime.InferenceSession(str(path), sess_options=options, providers=providers)
    # onnxruntime's error classes have nothing in common but Exception.
    except Exception as error:
        raise ModelError(
            f"an ONNX model in {path}",
            f"{type(error).__name__}: {str(error)[:500]}",
            "export or copy the model again, with its external data beside it if it has any",
        ) from error


def _choose_providers(runtime: Runtime, available: list[str]) -> list[str]:
    wanted = PROVIDERS.get(runtime.device)
    if wanted is not None and wanted not in available:
        raise SettingsError(
            f"onnxruntime with {wanted} for runtime.device = {runtime.device!r}",
            f"it has {', '.join(available)}",
            "set runtime.device to 'auto' or 'cpu', or install the onnxruntime build for that device",
        )
    if runtime.device == "auto" and PROVIDERS["cuda"] in available:
        wanted = PROVIDERS["cuda"]
    return [*([wanted] if wanted else []), "CPUExecutionProvider"]
