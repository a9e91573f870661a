"""What comes before and around the models: decoding and framing beside OpenCV's, and the memory of a whole pass."""

import functools
import json
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
from PIL import Image

from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.view_table import PHOTO
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.content import CONTENT_COLUMNS
from imgsim_assets.vision.frame import Frame, OpenedPhoto, open_photo
from imgsim_assets.vision.framing import PhotoSource
from imgsim_bench.timing import timed

ROUNDS = 3
LIMIT = 100_000_000
PEAK_PROGRAM = "import sys; from imgsim_bench.decoding import report_peak; report_peak(*sys.argv[1:])"


def photo_sources(paths: Sequence[Path], frames: Sequence[Frame]) -> Iterator[PhotoSource[OpenedPhoto]]:
    """Yield files as photos to embed, in their order."""
    for place, path in enumerate(paths):
        with Image.open(path) as photo:  # what the catalogue of photos knows
            size = photo.size
        yield PhotoSource(str(place), functools.partial(open_photo, path, size, frames, None, LIMIT))


def measure_decoding(paths: Sequence[Path], side: int, scratch: Path) -> tuple[list[float], list[float]]:
    """Time decoding and framing for a model of 224 pixels, photo by photo in one thread.

    Args:
        paths: JPEGs.
        side: what their longer side is enlarged to first, in pixels; 0: they stay as they are.
        scratch: a folder for the enlarged ones.

    Returns:
        Seconds a photo by imgsim, and by `cv2.imread` and `cv2.resize`, [rounds] each, measured in turns.
    """
    frame = Frame(PHOTO, SquareFraming(224, "crop", resample=Image.Resampling.BICUBIC))
    files = list(paths) if side == 0 else list(_enlarged(paths, side, scratch))
    sources = list(photo_sources(files, [frame]))

    def ours() -> None:
        for source in sources:
            frame(source.open())

    def theirs() -> None:
        for file in files:
            read: Any = cv2.imread(str(file))
            cv2.resize(read, (224, 224), interpolation=cv2.INTER_AREA)

    cv2.setNumThreads(1)
    rounds = [(timed(ours) / len(files), timed(theirs) / len(files)) for _ in range(ROUNDS)]
    return [one for one, _ in rounds], [other for _, other in rounds]


def measure_decoding_rate(paths: Sequence[Path], framings: Sequence[SquareFraming], processes: int) -> float:
    """Count how many photos a second so many processes decode and frame that have nothing to do with each other.

    Args:
        paths: JPEGs.
        framings: what is made of each.
        processes: how many.
    """
    decode = functools.partial(_decode_all, framings=framings)
    shares = [paths[start::processes] for start in range(processes)]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(decode, [share[:50] for share in shares]))  # long enough for all to have started
        return len(paths) / timed(lambda: list(pool.map(decode, shares)))


def _decode_all(paths: Sequence[Path], framings: Sequence[SquareFraming]) -> None:
    frames = [Frame(PHOTO, framing) for framing in framings]
    for source in photo_sources(paths, frames):
        photo = source.open()
        for frame in frames:
            frame(photo)


def _enlarged(paths: Sequence[Path], side: int, scratch: Path) -> Iterator[Path]:
    for place, path in enumerate(paths):
        photo = Image.open(path).convert("RGB")
        scale = side / max(photo.size)
        larger = photo.resize((round(scale * photo.width), round(scale * photo.height)), Image.Resampling.LANCZOS)
        file = scratch / f"{side}_{place}.jpg"
        larger.save(file, quality=90)
        yield file


def measure_peak(paths: Sequence[Path], count: int) -> float:
    """Measure in a process of its own what `report_peak` prints for so many photos."""
    line = [sys.executable, "-c", PEAK_PROGRAM, str(count), json.dumps([str(path.absolute()) for path in paths])]
    done = subprocess.run(line, capture_output=True, text=True, check=True)  # noqa: S603  our own program
    return float(done.stdout)


def report_peak(count: str, paths: str) -> None:
    """Print the largest resident memory in MB of a pass over so many photos by a compact backbone, store and all."""
    import resource

    import polars as pl

    from imgsim_assets.storage.content_table import ContentTable
    from imgsim_assets.vision.canny import EDGES_SCHEMA
    from imgsim_assets.vision.embedding_pass import EmbeddingTask, compute_vectors

    files: list[str] = json.loads(paths)
    sizes = {}
    for file in files:
        with Image.open(file) as photo:
            sizes[file] = photo.size
    photos = pl.DataFrame(
        [
            {"content_id": f"{place:032x}", "path": file, "width": sizes[file][0], "height": sizes[file][1]}
            | dict(zip(CONTENT_COLUMNS, (0, 0, *sizes[file]), strict=True))
            for place, file in enumerate(islice(cycle(files), int(count)))
        ]
    )
    with tempfile.TemporaryDirectory() as state:
        settings = Settings(backbones={"resnet50v2": Backbone(uri="compact:resnet50v2")})
        task = EmbeddingTask("resnet50v2", PHOTO, "f", "vectors/f", photos["content_id"])
        edges = ContentTable(Path(state) / "edges", EDGES_SCHEMA)
        compute_vectors(Path(state), edges, settings, photos, [task])
    sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
