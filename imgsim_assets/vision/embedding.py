"""One pass from photos to unit vectors: decode once, preprocess in threads, compute in batches, keep the order."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from PIL.Image import Image

from imgsim_assets.errors import ImgsimError, ModelError
from imgsim_assets.progress import track
from imgsim_assets.vision.backbones.protocol import BackboneModel

# Batches prepared ahead of the one being computed; memory is bounded by this, not by the number of photos.
BATCHES_AHEAD = 2


Picture = TypeVar("Picture")


@dataclass(frozen=True)
class PhotoSource(Generic[Picture]):
    """A photo to embed. `open` decodes it, once, into what the lanes look at."""

    content_id: str
    open: Callable[[], Picture]


@dataclass(frozen=True)
class Lane(Generic[Picture]):
    """A model and the view that it is shown: `look` makes that RGB picture of an opened photo.

    `wanted` are the content ids that still have no vector of this model and view; None: all.
    """

    name: str
    model: BackboneModel
    look: Callable[[Picture], Image]
    wanted: frozenset[str] | None = None

    def wants(self, content_id: str) -> bool:
        """Whether the photo is to be embedded in this lane."""
        return self.wanted is None or content_id in self.wanted


@dataclass(frozen=True)
class EmbeddedBatch:
    """Vectors of one batch, in the order of the photos, and why some photos have none.

    `vectors` is float32 [len(content_ids), dimension], each of length one; `failures` maps the
    content ids of this batch's other photos to a reason.
    """

    content_ids: tuple[str, ...]
    vectors: np.ndarray
    failures: dict[str, str]


@dataclass(frozen=True)
class _Prepared:
    content_id: str
    pixels: np.ndarray | None
    failure: str


def embed_photos(
    photos: Sequence[PhotoSource[Picture]],
    lanes: Sequence[Lane[Picture]],
    *,
    batch_size: int,
    workers: int,
    description: str = "embedding",
) -> Iterator[tuple[str, EmbeddedBatch]]:
    """Embed photos in one pass for all models and views, with a progress bar; each photo is decoded once.

    A photo that cannot be read is a failure in every lane that wants it, and never an exception.

    Args:
        photos: what to embed.
        lanes: what to embed it with.
        batch_size: photos per forward pass.
        workers: threads that decode and preprocess.
        description: what the progress bar says.

    Yields:
        The lane's name and a batch; the batches of a lane together hold every photo that it wants once, in order.

    Raises:
        ModelError: a model gives something other than one vector for each photo.
    """
    waiting: dict[str, list[_Prepared]] = {lane.name: [] for lane in lanes}
    for prepared in track(_prepare_all(photos, lanes, batch_size, workers), description, total=len(photos)):
        for lane, one in prepared:
            waiting[lane.name].append(one)
            if len(waiting[lane.name]) == batch_size:
                yield lane.name, _embed(waiting[lane.name], lane.model)
                waiting[lane.name] = []
    for lane in lanes:
        if waiting[lane.name]:
            yield lane.name, _embed(waiting[lane.name], lane.model)


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


_Looked = list[tuple[Lane[Picture], _Prepared]]


def _prepare_all(
    photos: Sequence[PhotoSource[Picture]], lanes: Sequence[Lane[Picture]], batch_size: int, workers: int
) -> Iterator[_Looked[Picture]]:
    pending: deque[Future[_Looked[Picture]]] = deque()
    executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="imgsim-prepare")
    try:
        for photo in photos:
            pending.append(executor.submit(_prepare, photo, lanes))
            if len(pending) >= BATCHES_AHEAD * batch_size:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        # Also where the caller stops early: nothing may go on reading photos behind its back.
        executor.shutdown(wait=True, cancel_futures=True)


def _prepare(photo: PhotoSource[Picture], lanes: Sequence[Lane[Picture]]) -> _Looked[Picture]:
    wanting = [lane for lane in lanes if lane.wants(photo.content_id)]
    try:
        picture = photo.open()
    except ImgsimError:
        raise
    # Decoders raise nearly anything on broken bytes, and one photo must not stop the others.
    except Exception as error:
        return [(lane, _refused(photo, error)) for lane in wanting]
    return [(lane, _looked_at(photo, picture, lane)) for lane in wanting]


def _looked_at(photo: PhotoSource[Picture], picture: Picture, lane: Lane[Picture]) -> _Prepared:
    try:
        return _Prepared(photo.content_id, lane.model.preprocess(lane.look(picture)), "")
    except ImgsimError:
        raise
    except Exception as error:
        return _refused(photo, error)


def _refused(photo: PhotoSource[Picture], error: Exception) -> _Prepared:
    return _Prepared(photo.content_id, None, f"{type(error).__name__}: {error}")


def _embed(batch: Sequence[_Prepared], model: BackboneModel) -> EmbeddedBatch:
    failures = {photo.content_id: photo.failure for photo in batch if photo.pixels is None}
    ready = [(photo.content_id, photo.pixels) for photo in batch if photo.pixels is not None]
    if not ready:
        return EmbeddedBatch((), np.empty((0, model.dimension), dtype=np.float32), failures)
    raw = model.embed(np.stack([pixels for _, pixels in ready]))
    if raw.shape != (len(ready), model.dimension):
        raise ModelError(
            f"vectors of shape {(len(ready), model.dimension)} for {len(ready)} photos",
            f"shape {raw.shape}",
            "this is a defect of the backbone; report it with the backbone's line of the settings",
        )
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
