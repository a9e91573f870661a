"""A torch module as a backbone: device, precision, forward pass, and nothing that belongs to one library."""

import copy
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsim_assets.errors import ModelError, SettingsError
from imgsim_assets.settings import Runtime
from imgsim_assets.threads import thread_count
from imgsim_assets.vision.backbones.network import as_it_is, build_network
from imgsim_assets.vision.backbones.openvino_engine import compile_model, export_module
from imgsim_assets.vision.backbones.pixels import PhotoInput, SquareFraming, frame_probes
from imgsim_assets.vision.backbones.precision import LEAST_COSINE, Chosen, choose_precision, least_cosine
from imgsim_assets.vision.backbones.protocol import Framing

if TYPE_CHECKING:
    import torch

VECTORS_NDIM = 2
# Enough to fill a CPU's cores, and a card's many more.
BATCH_SIZES = {"cpu": 32, "mps": 64, "cuda": 256}
CPU_IS_FULL = "can't allocate memory"
# From here on, exporting a model to OpenVINO (seconds) is earned back by its speed: docs/benchmarks/embedding.md.
EXPORT_FROM = 200

log = logging.getLogger(__name__)


class TorchBackbone:
    """A module, the preprocessing that belongs to it, and the device, precision and engine it runs with.

    Beside what every backbone has: `reference`, its float32 vectors of drawn photos; `precision`, what it computes in;
    `exported`, the OpenVINO model that it became in `prepare`, or None.
    """

    def __init__(
        self,
        module: "torch.nn.Module",
        photo_input: PhotoInput,
        device: "torch.device",
        runtime: Runtime,
        forward: Callable[[Any, "torch.Tensor"], "torch.Tensor"] = as_it_is,
    ) -> None:
        """Move the module to the device, in the fastest precision that keeps its vectors.

        Args:
            module: any dtype; it is taken for float32.
            photo_input: framing, and the normalisation that goes on with it.
            device: where it runs.
            runtime: precision, threads and batch size; with `auto` a precision is taken only if drawn pictures keep
                their vectors, to a cosine of `LEAST_COSINE`.
            forward: the module and a tensor [n, c, h, w] of its dtype to a tensor [n, d].

        Raises:
            ModelError: what it gives is not one vector for a photo.
        """
        self.photo_input = photo_input
        self.framing: Framing = photo_input.framing
        self.batch_size = BATCH_SIZES[device.type] if runtime.batch_size == "auto" else runtime.batch_size
        self.device = device.type
        self._device = device
        self._runtime = runtime
        self._forward = forward
        self._engine: Callable[[np.ndarray], np.ndarray] = self._run
        self.network = self._exact = build_network(module, photo_input.normalisation, forward).to(device)
        self._probes = frame_probes(self.framing)
        self.reference = self._run(self._probes)
        if self.reference.ndim != VECTORS_NDIM:
            raise ModelError(
                "one vector for each photo",
                f"an output of shape {(1, *self.reference.shape[1:])} for one photo",
                "choose a model with pooled features",
            )
        self.dimension = int(self.reference.shape[1])
        self.precision: Chosen = "float32"
        self.exported: Any = None
        self._take_precision(choose_precision(runtime.precision, device.type))
        self.runs_as = f"torch on {device.type}, {self.precision}"

    def prepare(self, photos: int) -> None:
        """Export the module to OpenVINO where it runs on a CPU and so many photos come that this pays.

        What cannot be exported, or gives other vectors then, stays with torch.
        """
        # From float32 weights: OpenVINO rounds them itself, where it computes in 16 bits.
        exact, self._exact = self._exact, self.network
        if self._device.type != "cpu" or photos < EXPORT_FROM:
            return
        import torch

        try:
            exported = export_module(exact, torch.from_numpy(self._probes))
            engine = compile_model(exported, 0, self.precision, thread_count(self._runtime.threads))
            cosine = least_cosine(engine(self._probes), self.reference)
        # torch.export and OpenVINO raise nearly anything on what they do not know.
        except Exception as error:
            log.info("not exported to OpenVINO: %s: %s", type(error).__name__, str(error)[:200])
            return
        if cosine >= LEAST_COSINE:
            self._engine, self.exported = engine, exported
            self.runs_as = f"openvino on cpu, {self.precision}"

    def to_train(self) -> Any:  # noqa: ANN401  see `build_network`
        """Give a copy of the network in float32, to be trained further; to be asked for before `prepare`."""
        return copy.deepcopy(self._exact)

    def retrained(self, weights: "Mapping[str, torch.Tensor]") -> "TorchBackbone":
        """Make the backbone whose model has other `weights`, by name; those that are not named stay.

        Raises:
            ModelError: they are of another architecture.
        """
        module = copy.deepcopy(self._exact.model)
        known = module.state_dict()
        odd = sorted(name for name, one in weights.items() if name not in known or known[name].shape != one.shape)
        if odd:
            raise ModelError("weights of this model", f"others, {odd[0]} the first of {len(odd)}", "fine-tune it again")
        module.load_state_dict({**known, **weights})
        return TorchBackbone(module, self.photo_input, self._device, self._runtime, self._forward)

    def reframed(self, framing: SquareFraming) -> "TorchBackbone":
        """Make the backbone that is shown photos framed in another way.

        Raises:
            MemoryError: so large photos do not fit the device's memory.
            Exception: the library's own, where the model takes no photos of that size.
        """
        module, photo_input = copy.deepcopy(self._exact.model), PhotoInput(framing, self.photo_input.normalisation)
        with _memory_errors():
            return TorchBackbone(module, photo_input, self._device, self._runtime, self._forward)

    def embed(self, batch: np.ndarray) -> np.ndarray:
        """Turn n framed photos into float32 [n, dimension], not normalised.

        Raises:
            MemoryError: so many photos do not fit the device's memory.
        """
        with _memory_errors():
            return self._engine(batch)

    def _run(self, batch: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            # Not by pinned memory: copying a batch there first takes longer than it saves.
            vectors: np.ndarray = self.network(torch.from_numpy(batch).to(self._device)).cpu().numpy()
            return vectors

    def _take_precision(self, precision: Chosen) -> None:
        if precision == "float32":
            return
        self.network = copy.deepcopy(self._exact).in_precision(precision)
        if self._runtime.precision == "auto" and least_cosine(self._run(self._probes), self.reference) < LEAST_COSINE:
            self.network = self._exact
        else:
            self.precision = precision


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Let torch's several ways of saying that the memory is full be one."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise MemoryError(str(error)) from error
    except RuntimeError as error:
        if CPU_IS_FULL not in str(error):
            raise
        raise MemoryError(str(error)) from error


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
