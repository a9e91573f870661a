"""One pass from photos to unit vectors: decode once, frame in threads, compute in batches, keep the order."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, TypeVar

import numpy as np

from imgsim_assets.errors import ImgsimError, ModelError
from imgsim_assets.progress import track
from imgsim_assets.vision.backbones.protocol import BackboneModel

# Batches framed ahead of the one being computed; memory is bounded by this, not by the number of photos.
BATCHES_AHEAD = 2

log = logging.getLogger(__name__)

Picture = TypeVar("Picture")


@dataclass(frozen=True)
class PhotoSource(Generic[Picture]):
    """A photo to embed.

    Attributes:
        content_id: what it is known by.
        open: decodes it, once, into what the lanes look at.
        wanted_by: the names of the lanes in which it is to be embedded; None: all.
    """

    content_id: str
    open: Callable[[], Picture]
    wanted_by: frozenset[str] | None = None


@dataclass(frozen=True)
class Lane(Generic[Picture]):
    """A model and what it is shown: `frame` makes that of an opened photo. Lanes with equal frames share the result."""

    name: str
    model: BackboneModel
    frame: Callable[[Picture], np.ndarray]


@dataclass(frozen=True)
class EmbeddedBatch:
    """Vectors of one batch, in the order of the photos, and why some photos have none.

    `vectors` is float32 [len(content_ids), dimension], each of length one; `failures` maps the
    content ids of this batch's other photos to a reason.
    """

    content_ids: tuple[str, ...]
    vectors: np.ndarray
    failures: dict[str, str]


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


@dataclass(frozen=True)
class _Framed:
    content_id: str
    pixels: np.ndarray | None
    failure: str


def embed_photos(
    photos: Iterable[PhotoSource[Picture]],
    lanes: Sequence[Lane[Picture]],
    *,
    workers: int,
    total: int | None = None,
    description: str = "embedding",
    pace: Pace | None = None,
) -> Iterator[tuple[str, EmbeddedBatch]]:
    """Embed photos in one pass for all models and views, with a progress bar; each photo is decoded once.

    A photo that cannot be read is a failure in every lane that wants it, and never an exception. Where a batch does
    not fit the device's memory, the lane goes on with half as many photos at once.

    Args:
        photos: what to embed; looked at as they are needed.
        lanes: what to embed it with.
        workers: threads that decode and frame.
        total: how many photos there are.
        description: what the progress bar says.
        pace: is told where the time goes.

    Yields:
        The lane's name and a batch; the batches of a lane together hold every photo that it wants once, in order.

    Raises:
        ModelError: a model gives something other than one vector for each photo.
        MemoryError: not even one photo fits.
    """
    pace = pace or Pace()
    batches = {lane.name: _Batch(lane.model, lane.model.batch_size) for lane in lanes}
    ahead = BATCHES_AHEAD * max((lane.model.batch_size for lane in lanes), default=1)
    for framed in track(_frame_all(photos, lanes, ahead, workers, pace), description, total=total, note=pace):
        pace.photos += 1
        for name, one in framed:
            if (done := batches[name].add(one, pace)) is not None:
                yield name, done
    for name, batch in batches.items():
        if (rest := batch.flush(pace)) is not None:
            yield name, rest


def normalise(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale vectors to length one.

    Args:
        vectors: float [n, d].

    Returns:
        float32 [n, d], and bool [n]: false where there is no direction (zero or not finite); such
        rows are zero.
    """
    wide = vectors.astype(np.float64)
    is_finite = np.isfinite(wide).all(axis=1)
    wide[~is_finite] = 0
    lengths = np.linalg.norm(wide, axis=1)
    is_usable = lengths > 0
    scaled = wide / np.where(is_usable, lengths, 1)[:, np.newaxis]
    return scaled.astype(np.float32), is_usable


_ForLanes = list[tuple[str, _Framed]]


def _frame_all(
    photos: Iterable[PhotoSource[Picture]], lanes: Sequence[Lane[Picture]], ahead: int, workers: int, pace: Pace
) -> Iterator[_ForLanes]:
    pending: deque[Future[_ForLanes]] = deque()
    executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="imgsim-frame")
    try:
        for photo in photos:
            pending.append(executor.submit(_frame, photo, lanes))
            if len(pending) >= ahead:
                yield _wait(pending.popleft(), pace)
        while pending:
            yield _wait(pending.popleft(), pace)
    finally:
        # Also where the caller stops early: nothing may go on reading photos behind its back.
        executor.shutdown(wait=True, cancel_futures=True)


def _wait(future: Future[_ForLanes], pace: Pace) -> _ForLanes:
    started = perf_counter()
    framed = future.result()
    pace.waiting += perf_counter() - started
    return framed


def _frame(photo: PhotoSource[Picture], lanes: Sequence[Lane[Picture]]) -> _ForLanes:
    wanting = [lane for lane in lanes if photo.wanted_by is None or lane.name in photo.wanted_by]
    try:
        picture = photo.open()
    except ImgsimError:
        raise
    # Decoders raise nearly anything on broken bytes, and one photo must not stop the others.
    except Exception as error:
        return [(lane.name, _refused(photo, error)) for lane in wanting]
    framed = {frame: _framed(photo, picture, frame) for frame in {lane.frame for lane in wanting}}
    return [(lane.name, framed[lane.frame]) for lane in wanting]


def _framed(photo: PhotoSource[Picture], picture: Picture, frame: Callable[[Picture], np.ndarray]) -> _Framed:
    try:
        return _Framed(photo.content_id, frame(picture), "")
    except ImgsimError:
        raise
    except Exception as error:
        return _refused(photo, error)


def _refused(photo: PhotoSource[Picture], error: Exception) -> _Framed:
    return _Framed(photo.content_id, None, f"{type(error).__name__}: {error}")


@dataclass
class _Batch:
    """The framed photos that one lane collects, until they are enough for its model."""

    model: BackboneModel
    at_once: int
    waiting: list[_Framed] = field(default_factory=list)

    def add(self, one: _Framed, pace: Pace) -> EmbeddedBatch | None:
        self.waiting.append(one)
        return self.flush(pace) if len(self.waiting) >= self.model.batch_size else None

    def flush(self, pace: Pace) -> EmbeddedBatch | None:
        if not self.waiting:
            return None
        batch, self.waiting = self.waiting, []
        started = perf_counter()
        embedded = self._embed(batch)
        pace.computing += perf_counter() - started
        return embedded

    def _embed(self, batch: Sequence[_Framed]) -> EmbeddedBatch:
        failures = {photo.content_id: photo.failure for photo in batch if photo.pixels is None}
        ready = [(photo.content_id, photo.pixels) for photo in batch if photo.pixels is not None]
        if not ready:
            return EmbeddedBatch((), np.empty((0, self.model.dimension), dtype=np.float32), failures)
        raw = self._compute([pixels for _, pixels in ready])
        vectors, is_usable = normalise(raw)
        failures |= {
            content_id: "the model gives a zero vector"
            if np.isfinite(row).all()
            else "the model gives a vector that is not finite"
            for (content_id, _), row, usable in zip(ready, raw, is_usable, strict=True)
            if not usable
        }
        kept = tuple(content_id for (content_id, _), usable in zip(ready, is_usable, strict=True) if usable)
        return EmbeddedBatch(kept, vectors[is_usable], failures)

    def _compute(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Run the model on framed photos, `at_once` of them in one go: float32 [n, dimension]."""
        done: list[np.ndarray] = []
        start = 0
        while start < len(pixels):
            part = np.stack(pixels[start : start + self.at_once])
            try:
                vectors = self.model.embed(part)
            except MemoryError:
                if len(part) == 1:
                    raise
                self.at_once = len(part) // 2
                log.warning("%d photos at once do not fit the memory; going on with %d", len(part), self.at_once)
                continue
            if vectors.shape != (len(part), self.model.dimension):
                raise ModelError(
                    f"vectors of shape {(len(part), self.model.dimension)} for {len(part)} photos",
                    f"shape {vectors.shape}",
                    "this is a defect of the backbone; report it with the backbone's line of the settings",
                )
            done.append(vectors)
            start += len(part)
        return np.concatenate(done)
