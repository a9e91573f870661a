"""The loop from photos to unit vectors: decode and preprocess in threads, compute in batches, keep the order."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image

from imgsim_assets.errors import ImgsimError, ModelError
from imgsim_assets.progress import track
from imgsim_assets.vision.backbones.protocol import BackboneModel

# Batches prepared ahead of the one being computed; memory is bounded by this, not by the number of photos.
BATCHES_AHEAD = 2


@dataclass(frozen=True)
class PhotoSource:
    """A photo to embed. `open` gives the RGB picture the model is to see: view and edges are the caller's."""

    content_id: str
    open: Callable[[], Image]


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
    photos: Sequence[PhotoSource],
    model: BackboneModel,
    *,
    batch_size: int,
    workers: int,
    description: str = "embedding",
) -> Iterator[EmbeddedBatch]:
    """Embed photos, with a progress bar; a photo that cannot be read is a failure and never an exception.

    Args:
        photos: what to embed.
        model: what to embed it with.
        batch_size: photos per forward pass.
        workers: threads that decode and preprocess.
        description: what the progress bar says.

    Yields:
        Batches that together hold every photo once, in order.

    Raises:
        ModelError: the model gives something other than one vector for each photo.
    """
    waiting: list[_Prepared] = []
    for prepared in track(_prepare_all(photos, model, batch_size, workers), description, total=len(photos)):
        waiting.append(prepared)
        if len(waiting) == batch_size:
            yield _embed(waiting, model)
            waiting = []
    if waiting:
        yield _embed(waiting, model)


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


def _prepare_all(
    photos: Sequence[PhotoSource], model: BackboneModel, batch_size: int, workers: int
) -> Iterator[_Prepared]:
    pending: deque[Future[_Prepared]] = deque()
    executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="imgsim-prepare")
    try:
        for photo in photos:
            pending.append(executor.submit(_prepare, photo, model))
            if len(pending) >= BATCHES_AHEAD * batch_size:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        # Also where the caller stops early: nothing may go on reading photos behind its back.
        executor.shutdown(wait=True, cancel_futures=True)


def _prepare(photo: PhotoSource, model: BackboneModel) -> _Prepared:
    try:
        return _Prepared(photo.content_id, model.preprocess(photo.open()), "")
    except ImgsimError:
        raise
    # Decoders raise nearly anything on broken bytes, and one photo must not stop the others.
    except Exception as error:
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
