"""`onnx:` backbones: any exported model, fed as the settings say, run by OpenVINO."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from imgsim_assets.errors import ModelError, SettingsError, said_by
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.threads import thread_count
from imgsim_assets.vision.backbones.names import onnx_path
from imgsim_assets.vision.backbones.onnx_file import onnx_files
from imgsim_assets.vision.backbones.onnx_signature import Signature, read_signature
from imgsim_assets.vision.backbones.openvino_engine import compile_model, open_file
from imgsim_assets.vision.backbones.pixels import Normalisation, PhotoInput, SquareFraming, frame_probes
from imgsim_assets.vision.backbones.precision import LEAST_COSINE, Chosen, choose_precision, least_cosine

BATCH_SIZE = 32
IMAGENET = "for ImageNet models mostly mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225]"


class OnnxBackbone:
    """A compiled ONNX graph, fed in the layout, type and batch size that it asks for."""

    device = "cpu"

    def __init__(self, signature: Signature, photo_input: PhotoInput, runtime: Runtime) -> None:
        """Compile the graph, in the fastest precision that keeps its vectors.

        Args:
            signature: the graph, and what it asks for.
            photo_input: framing and normalisation.
            runtime: precision, threads and batch size.

        Raises:
            ModelError: what it gives is not one vector for a photo.
        """
        self.photo_input = photo_input
        self.framing = photo_input.framing
        self.batch_size = BATCH_SIZE if runtime.batch_size == "auto" else runtime.batch_size
        self._signature = signature
        self._at_once = signature.batch

        def compiled(precision: Chosen) -> Callable[[np.ndarray], np.ndarray]:
            return compile_model(signature.graph, 0, precision, thread_count(runtime.threads))

        probes = frame_probes(self.framing)
        precision: Chosen = choose_precision(runtime.precision, "cpu")
        self._run = compiled(precision)
        if self._at_once is None and not self._takes_several(probes[:2]):
            self._at_once = 1
        vectors = self.embed(probes)
        if runtime.precision == "auto" and precision != "float32":
            quick, self._run = self._run, compiled("float32")
            if least_cosine(vectors, self.embed(probes)) >= LEAST_COSINE:
                self._run = quick
            else:
                precision = "float32"
        self.dimension = int(vectors.shape[1])
        self.runs_as = f"openvino on cpu, {precision}"

    def prepare(self, photos: int) -> None:
        """Nothing is left to prepare."""

    def embed(self, batch: np.ndarray) -> np.ndarray:
        """Turn uint8 [n, size, size, 3] into float32 [n, dimension], not normalised."""
        step = self._at_once or len(batch)
        return np.concatenate([self._embed(batch[start : start + step], step) for start in range(0, len(batch), step)])

    def _takes_several(self, photos: np.ndarray) -> bool:
        """Try whether photos together have the vectors that they have alone.

        A batch axis that is open outside may be fixed inside, by a reshape to [1, d] for one.
        """
        try:
            together = self._embed(photos, len(photos))
        except (ModelError, RuntimeError):
            return False
        alone = np.concatenate([self._embed(one[np.newaxis], 1) for one in photos])
        return least_cosine(together, alone) >= LEAST_COSINE

    def _embed(self, batch: np.ndarray, step: int) -> np.ndarray:
        pixels = self.photo_input.normalised(batch)
        if self._signature.channels_last:
            pixels = pixels.transpose(0, 2, 3, 1)
        fed = np.zeros((step, *pixels.shape[1:]), dtype=self._signature.dtype)
        fed[: len(batch)] = pixels
        vectors = self._run(fed)
        if step == 1 and vectors.ndim == 1:
            vectors = vectors[np.newaxis]
        # [n, d] or [n, d, 1, 1]: pooled, with or without the sides of length one. One number is no vector.
        if vectors.shape[:1] != (step,) or not 1 < math.prod(vectors.shape[1:]) == math.prod(vectors.shape[1:2]):
            raise ModelError(
                f"one vector for each photo, {step} at once",
                f"output {self._signature.output!r} of shape {vectors.shape}",
                "name a pooled output in the backbone's `output`, or export the model with a batch axis that is open "
                "all through",
            )
        return vectors.reshape(len(vectors), -1)[: len(batch)].astype(np.float32)


def load_onnx(backbone: Backbone, runtime: Runtime, models: Path | None) -> OnnxBackbone:
    """Load `onnx:FILE`, FILE being a path, or one inside the folder of models.

    Raises:
        SettingsError: mean, std, size or a name does not fit the model, or the device is not there.
        ModelError: the file is missing or is not an ONNX model.
    """
    path, mean, std = require_file(backbone, runtime, models)
    try:
        signature = read_signature(open_file(path), backbone)
        photo_input = PhotoInput(SquareFraming(signature.size, backbone.resize or "squash"), Normalisation(mean, std))
        return OnnxBackbone(signature, photo_input, runtime)
    # OpenVINO has no error class of its own.
    except RuntimeError as error:
        raise ModelError(
            f"an ONNX model in {path}",
            said_by(error),
            "export or copy the model again, with its external data beside it if it has any",
        ) from error


def require_file(
    backbone: Backbone, runtime: Runtime, models: Path | None
) -> tuple[Path, tuple[float, ...], tuple[float, ...]]:
    """Find an ONNX file and what the settings must say of it, without loading it: its path, mean and std.

    Raises:
        SettingsError: mean or std are not set or not possible, or the device is not there.
        ModelError: the file, or one with its weights, is missing or is not an ONNX model.
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
    if runtime.device not in ("auto", "cpu"):
        raise SettingsError(
            f"a device that runs {backbone.uri}",
            f"runtime.device = {runtime.device!r}, and ONNX files run on the CPU",
            "set runtime.device to 'auto': the other backbones still take the card",
        )
    absent = [place for place, file in onnx_files(path).items() if not file.is_file()]
    if absent:
        raise ModelError(
            f"{absent[0]} in {path.parent}, where {path.name} has its weights",
            "no such file",
            "copy the model's external data too, under the name that it was exported with",
        )
    return path, backbone.mean, backbone.std
