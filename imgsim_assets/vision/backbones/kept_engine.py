"""Networks exported to OpenVINO, kept on disk: the next photos get their vectors from the same one, and without torch.

Loading torch, a library of models and the weights, and exporting anew, takes seconds a network; reading what was
exported, tenths.
"""

import dataclasses
import json
import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from imgsim_assets.errors import ImgsimError
from imgsim_assets.fingerprint import content_id
from imgsim_assets.settings import Runtime
from imgsim_assets.storage.atomic import move_folder, scratch_folder
from imgsim_assets.threads import set_threads, thread_count
from imgsim_assets.vision.backbones.openvino_engine import compile_model, open_file, save_model
from imgsim_assets.vision.backbones.pixels import SquareFraming, frame_probes
from imgsim_assets.vision.backbones.precision import LEAST_COSINE, least_cosine
from imgsim_assets.vision.backbones.protocol import Framing
from imgsim_assets.vision.backbones.torch_model import BATCH_SIZES, TorchBackbone

NETWORK, WEIGHTS, PROBES, ABOUT = "network.xml", "network.bin", "probes.npy", "about.json"
log = logging.getLogger(__name__)


class KeptBackbone:
    """An exported network as it was kept, and the framing that belongs to it."""

    device = "cpu"

    def __init__(
        self,
        framing: SquareFraming,
        engine: Callable[[np.ndarray], np.ndarray],
        dimension: int,
        precision: str,
        runtime: Runtime,
    ) -> None:
        """Take what `open_engine` has read."""
        self.framing: Framing = framing
        self.dimension = dimension
        self.batch_size = BATCH_SIZES["cpu"] if runtime.batch_size == "auto" else runtime.batch_size
        self.runs_as = f"openvino on cpu, {precision}"
        self._engine = engine

    def prepare(self, photos: int) -> None:
        """Nothing is left to prepare."""

    def embed(self, batch: np.ndarray) -> np.ndarray:
        """Turn uint8 [n, size, size, 3] into float32 [n, dimension], not normalised."""
        return self._engine(batch)


def open_engine(folder: Path, runtime: Runtime) -> KeptBackbone | None:
    """Open what `keep_engine` kept; None: nothing, or it is not what it was, and is then removed.

    It must have been kept under this name, its files are held against the digests that were noted, and its vectors of
    drawn photos against those that torch gave before it was exported.
    """
    if not folder.is_dir():
        return None
    try:
        return _open(folder, runtime)
    # A damaged file shows in as many ways as there are readers; torch has the network still.
    except Exception as error:
        log.info("the exported network in %s is made anew: %s: %s", folder, type(error).__name__, str(error)[:200])
        shutil.rmtree(folder, ignore_errors=True)
        return None


def keep_engine(folder: Path, model: TorchBackbone) -> None:
    """Keep at `folder` what `model` was exported to, if it was, and imgsim frames its photos itself.

    A disk that is full, or another process that was quicker, changes nothing: the vectors are had without it.
    """
    exported, framing = model.exported, model.framing
    if exported is None or not isinstance(framing, SquareFraming):
        return
    with suppress(OSError, RuntimeError, ImgsimError), scratch_folder(folder.parent) as built:
        save_model(exported, built / NETWORK)
        np.save(built / PROBES, model.reference)
        about = {
            "framing": dataclasses.asdict(framing),
            "kept_as": folder.name,
            "precision": model.precision,
            "digests": {name: content_id(built / name) for name in (NETWORK, WEIGHTS, PROBES)},
        }
        (built / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
        move_folder(built, folder)


def _open(folder: Path, runtime: Runtime) -> KeptBackbone:
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    if about["kept_as"] != folder.name:
        raise ValueError(f"it was kept as {about['kept_as']}")
    for name, digest in about["digests"].items():
        if content_id(folder / name) != digest:
            raise ValueError(f"other bytes in {name}")
    read = about["framing"]
    framing = SquareFraming(**{**read, "resample": Image.Resampling(read["resample"])})
    engine = compile_model(open_file(folder / NETWORK), 0, about["precision"], thread_count(runtime.threads))
    set_threads(runtime.threads)
    reference = np.load(folder / PROBES)
    if (cosine := least_cosine(engine(frame_probes(framing)), reference)) < LEAST_COSINE:
        raise ValueError(f"a cosine of {cosine:.4f} to the vectors that torch gave")
    return KeptBackbone(framing, engine, int(reference.shape[1]), about["precision"], runtime)
