"""One pass from photos to unit vectors: decode once, frame in threads, compute in batches, keep the order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from typing import Generic

import numpy as np

from imgsim_assets.errors import ImgsimError, ModelError, said_by
from imgsim_assets.progress import track
from imgsim_assets.threads import worker_threads
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.embedded_batch import BatchEmbedder, EmbeddedBatch
from imgsim_assets.vision.framing import Framed, FramedByName, PhotoSource, Picture, frame_ahead

# Batches framed ahead of those being computed, and batches given to a model; memory is bounded by them, not by the
# number of photos. While a model computes one batch, the next is put together.
BATCHES_AHEAD, BATCHES_GIVEN = 2, 2


@dataclass(frozen=True)
class Lane(Generic[Picture]):
    """A model and what it is shown: `frame` makes that of an opened photo. Lanes with equal frames share the result.

    `look` is shown what the model is given and what it makes of it, and raises where it is not as it should be.
    """

    name: str
    model: BackboneModel
    frame: Callable[[Picture], np.ndarray]
    look: Callable[[np.ndarray, np.ndarray], None] | None = None


@dataclass
class Pace:
    """Where the time of a pass went, in seconds: models at work, and models waiting for photos to be decoded."""

    photos: int = 0
    computing: float = 0.0
    waiting: float = 0.0

    def __str__(self) -> str:
        """Say the shares, for a progress bar."""
        whole = self.computing + self.waiting
        return f"{self.computing / whole:.0%} computing, {self.waiting / whole:.0%} decoding" if whole else ""


def embed_photos(
    photos: Iterable[PhotoSource[Picture]],
    lanes: Sequence[Lane[Picture]],
    *,
    workers: int,
    in_processes: bool = False,
    total: int | None = None,
    description: str = "embedding",
    pace: Pace | None = None,
    broken: dict[str, ImgsimError] | None = None,
) -> Iterator[tuple[str, EmbeddedBatch]]:
    """Embed photos in one pass for all models and views, with a progress bar; each photo is decoded once.

    A photo that cannot be read is a failure in every lane that wants it, and never an exception. Where a batch does
    not fit the device's memory, the lane goes on with half as many photos at once.

    Args:
        photos: what to embed; looked at as they are needed.
        lanes: what to embed it with.
        workers: threads that decode and frame.
        in_processes: processes, as `frame_ahead` explains.
        total: how many photos there are.
        description: what the progress bar says.
        pace: is told where the time goes.
        broken: is told which lanes came to an end before the photos did, and why, and the others go on; None: that is
            raised.

    Yields:
        The lane's name and a batch; the batches of a lane together hold every photo that it wants once, in order.

    Raises:
        ModelError: a model gives something other than one vector for each photo.
        MemoryError: not even one photo fits.
        Exception: whatever else a model raises.
    """
    pace = pace or Pace()
    ahead = BATCHES_AHEAD * max((lane.model.batch_size for lane in lanes), default=1)
    frames = {lane.name: lane.frame for lane in lanes}
    framed = frame_ahead(photos, frames, ahead=ahead, workers=workers, in_processes=in_processes)
    embedders = {lane.name: BatchEmbedder(lane.model, lane.model.batch_size, look=lane.look) for lane in lanes}
    given: deque[tuple[str, Future[EmbeddedBatch]]] = deque()
    ended = {} if broken is None else broken
    with worker_threads(1, "imgsim-compute") as computing, closing(framed):
        for name, batch in _batched(track(_timed(framed, pace), description, total=total, note=pace), lanes):
            if name not in ended:
                given.append((name, computing.submit(_paced, embedders[name], batch, pace)))
            if len(given) >= BATCHES_GIVEN:
                yield from _done(given, ended, raised=broken is None)
            if len(ended) == len(lanes):
                return
        while given:
            yield from _done(given, ended, raised=broken is None)


def _paced(embedder: BatchEmbedder, batch: Sequence[Framed], pace: Pace) -> EmbeddedBatch:
    """Note how long a batch is computed."""
    started = perf_counter()
    embedded = embedder.embed(batch)
    pace.computing += perf_counter() - started
    return embedded


def _done(
    given: deque[tuple[str, Future[EmbeddedBatch]]], ended: dict[str, ImgsimError], *, raised: bool
) -> Iterator[tuple[str, EmbeddedBatch]]:
    """Wait for the batch that was given first; nothing more comes of a lane that has ended."""
    name, future = given.popleft()
    try:
        batch = future.result()
    # Engines have no common error class, and the errors of one model are none of the others'.
    except Exception as error:
        if raised:
            raise
        ended.setdefault(name, error if isinstance(error, ImgsimError) else _failed(name, error))
        return
    if name not in ended:
        yield name, batch


def _failed(name: str, error: Exception) -> ModelError:
    return ModelError(
        f"a model that takes every photo, for {name}",
        said_by(error),
        "set runtime.batch_size or runtime.threads lower where memory is short; else choose another model",
    )


def _timed(framed: Iterator[FramedByName], pace: Pace) -> Iterator[FramedByName]:
    """Note how long each photo is waited for."""
    started = perf_counter()
    for one in framed:
        pace.photos += 1
        pace.waiting += perf_counter() - started
        yield one
        started = perf_counter()


def _batched(framed: Iterable[FramedByName], lanes: Sequence[Lane[Picture]]) -> Iterator[tuple[str, list[Framed]]]:
    """Collect for each lane as many photos as its model takes at once; what is left of them comes at the end."""
    waiting: dict[str, list[Framed]] = {lane.name: [] for lane in lanes}
    sizes = {lane.name: lane.model.batch_size for lane in lanes}
    for photo in framed:
        for name, one in photo:
            waiting[name].append(one)
            if len(waiting[name]) >= sizes[name]:
                yield name, waiting[name]
                waiting[name] = []
    yield from ((name, rest) for name, rest in waiting.items() if rest)
