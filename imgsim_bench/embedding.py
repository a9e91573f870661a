"""`imgsim bench embed`: photos a second from files to vectors, beside the usual loops and peers."""

import functools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from imgsim_assets.errors import InputError
from imgsim_assets.settings import Backbone, Ingest, Runtime, Settings
from imgsim_assets.threads import set_threads, thread_count
from imgsim_assets.view_table import PHOTO, TRAINED, View
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.backbones.torch_model import EXPORT_FROM
from imgsim_assets.vision.embedded_batch import normalise
from imgsim_assets.vision.embedding import Lane, embed_photos
from imgsim_assets.vision.folder import read_folder
from imgsim_assets.vision.frame import Frame
from imgsim_assets.vision.photo_names import JPEG_SUFFIXES
from imgsim_bench.decoding import measure_decoding, measure_decoding_rate, measure_peak, photo_sources
from imgsim_bench.embedding_models import write_models
from imgsim_bench.embedding_peers import LOOPS, PEERS_OF_CLIP, Embed, Place, in_precision
from imgsim_bench.forward import multiplication_rate, multiply_adds, time_forward
from imgsim_bench.timing import timed

OURS, LOOP = "imgsim", "the usual loop"
ENLARGED_TO = (0, 1024, 2048, 4096)  # the longer side, in pixels; 0: as it is
DECODED_PHOTOS = 24
ONE_PASS = ("CLIP ViT-B/32", "ViT-B/16", "ResNetV2-50")


@dataclass(frozen=True)
class Speeds:
    """Photos a second of one model's contenders, [rounds] each, all measured in turns.

    Peers of torch are measured in their default, float32, and again in imgsim's number format where that is another.
    `forward` is the model alone on framed photos, `roofline` how many it could do at the rate of one matrix product
    of its precision; `cosines` [n] are those of imgsim's vectors to the usual loop's, photo by photo.
    """

    model: str
    runs_as: str
    contenders: Mapping[str, Sequence[float]]
    forward: Sequence[float]
    roofline: Sequence[float]
    cosines: Sequence[float]


@dataclass
class EmbeddingFigures:
    """Everything that the benchmark has found.

    Attributes:
        speeds: one a model.
        decoding: by the longer side of the photos (0: as they are), seconds a photo of imgsim's decoding and framing,
            and of `cv2.imread` and `cv2.resize`, [rounds] each.
        decoding_rate: photos a second that are decoded and framed by as many processes as threads, [rounds].
        one_pass: seconds of three backbones and two views in one pass, and the sum of their forward passes, [rounds].
        peaks: largest resident memory in MB, by number of photos.
    """

    photos: int
    threads: int
    speeds: list[Speeds] = field(default_factory=list)
    decoding: dict[int, tuple[list[float], list[float]]] = field(default_factory=dict)
    decoding_rate: list[float] = field(default_factory=list)
    one_pass: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    peaks: dict[int, float] = field(default_factory=dict)


def measure_embedding(
    settings: Settings, photos: int, *, rounds: int, peak_photos: Sequence[int] = (), only: Sequence[str] = ()
) -> EmbeddingFigures:
    """Measure on the JPEGs of the settings' folder, repeated where they are too few.

    Args:
        settings: the folder of photos, the folder of models (for the published ONNX files), and how to run.
        photos: how many are embedded in each round.
        rounds: how often all are measured, in turns.
        peak_photos: numbers of photos for which the memory is measured.
        only: names of models; empty: all.

    Raises:
        InputError: there is no JPEG, or no such model.
    """
    threads = set_threads(settings.runtime.threads)
    paths = _some_jpegs(settings.places.data, photos)
    measured = EmbeddingFigures(photos, threads)
    with tempfile.TemporaryDirectory() as scratch:
        lines = write_models(Path(scratch), settings.places.models)
        if unknown := set(only) - set(lines):
            raise InputError(f"of {', '.join(lines)}", ", ".join(sorted(unknown)), "name what is there")
        lines = {name: line for name, line in lines.items() if not only or name in only}
        for name, line in lines.items():
            measured.speeds.append(_measure_model(name, line, settings.runtime, paths, rounds))
        for side in ENLARGED_TO:
            measured.decoding[side] = measure_decoding(paths[:DECODED_PHOTOS], side, Path(scratch))
        squares = [SquareFraming(224, "crop", resample=Image.Resampling.BICUBIC)]
        measured.decoding_rate = [measure_decoding_rate(paths, squares, threads) for _ in range(rounds)]
        if set(ONE_PASS) <= set(lines):
            models = [_ready(lines[name], settings.runtime) for name in ONE_PASS]
            measured.one_pass = _measure_one_pass(models, threads, paths, rounds)
        for count in peak_photos:
            measured.peaks[count] = measure_peak(paths, count)
    return measured


def _some_jpegs(folder: Path, count: int) -> list[Path]:
    entries = read_folder(folder, Ingest()).of("train")
    found = [entry.path for entry in entries if entry.path.suffix.lower() in JPEG_SUFFIXES]
    if not found:
        raise InputError(f"JPEG photos in {folder}", "none", "name a folder that has some with --data")
    # From the whole folder, so that one class does not stand for all.
    spread = found[:: max(1, len(found) // count)]
    return list(islice(cycle(spread), count))


def _ready(line: Backbone, runtime: Runtime) -> BackboneModel:
    model = load_backbone(line, runtime, None)
    model.prepare(EXPORT_FROM)
    return model


def _measure_model(name: str, line: Backbone, runtime: Runtime, paths: Sequence[Path], rounds: int) -> Speeds:
    threads = thread_count(runtime.threads)
    model = _ready(line, runtime)
    at = Place(model.device, threads, model.batch_size)
    scheme, precision = line.uri.partition(":")[0], model.runs_as.rpartition(", ")[2]
    loop = LOOPS[scheme](line, at)
    peers: dict[str, Embed] = {LOOP: loop}
    if name == "CLIP ViT-B/32":
        peers |= {peer: make(line, at) for peer, make in PEERS_OF_CLIP.items()}
    if precision != "float32" and scheme != "onnx":  # onnxruntime computes in what the file says
        peers |= {f"{peer}, in {precision}": in_precision(embed, precision, at) for peer, embed in peers.items()}
    contenders: dict[str, Embed] = {OURS: functools.partial(embed_files, model, threads), **peers}
    framed = np.stack([model.framing(Image.open(path).convert("RGB")) for path in paths[: model.batch_size]])
    ours, theirs = contenders[OURS](paths), normalise(loop(paths))[0]
    for embed in contenders.values():
        embed(paths[: model.batch_size])  # what is prepared at the first call is not measured
    speeds: dict[str, list[float]] = {contender: [] for contender in contenders}
    forward, roofline = [], []
    products = multiply_adds(model, framed[:1])
    for _ in range(rounds):
        for contender, embed in contenders.items():
            set_threads(threads)  # a peer may have set them
            speeds[contender].append(len(paths) / timed(lambda embed=embed: embed(paths)))  # type: ignore[misc]
        forward.append(len(framed) / time_forward(model, framed))
        roofline.append(multiplication_rate(precision, model.device) / products if products else float("nan"))
    return Speeds(name, model.runs_as, speeds, forward, roofline, np.sum(ours * theirs, axis=1).tolist())


def embed_files(model: BackboneModel, threads: int, paths: Sequence[Path], view: View = PHOTO) -> np.ndarray:
    """Embed files as `imgsim sync` does, without its store: float32 [n, dimension]."""
    frame = Frame(view, model.framing)
    lanes = [Lane("only", model, frame)]
    on_card = model.device != "cpu"
    batches = embed_photos(photo_sources(paths, [frame]), lanes, workers=threads, in_processes=on_card)
    return np.concatenate([batch.vectors for _, batch in batches])


def _measure_one_pass(
    models: Sequence[BackboneModel], threads: int, paths: Sequence[Path], rounds: int
) -> tuple[list[float], list[float]]:
    lanes = [
        Lane(f"{place} {view}", model, Frame(view, model.framing))
        for place, model in enumerate(models)
        for view in TRAINED
    ]
    batches = [
        np.stack([model.framing(Image.open(path).convert("RGB")) for path in paths[: model.batch_size]])
        for model in models
    ]

    def together() -> None:
        sources = photo_sources(paths, [lane.frame for lane in lanes])  # type: ignore[misc]
        for _ in embed_photos(sources, lanes, workers=threads, in_processes=models[0].device != "cpu"):
            pass

    def alone() -> float:
        return sum(
            len(TRAINED) * len(paths) / len(batch) * time_forward(model, batch)
            for model, batch in zip(models, batches, strict=True)
        )

    measured = [(timed(together), alone()) for _ in range(rounds)]
    return [one for one, _ in measured], [other for _, other in measured]
