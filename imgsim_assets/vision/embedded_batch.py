"""A batch of framed photos turned into unit vectors by a model, as many at once as its device's memory holds."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imgsim_assets.errors import ModelError
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.framing import Framed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddedBatch:
    """Vectors of one batch, in the order of the photos, and why some photos have none.

    `vectors` is float32 [len(content_ids), dimension], each of length one; `failures` maps the
    content ids of this batch's other photos to a reason, and `away` are those whose file may be back another day.
    """

    content_ids: tuple[str, ...]
    vectors: np.ndarray
    failures: dict[str, str]
    away: frozenset[str] = frozenset()


@dataclass
class BatchEmbedder:
    """A model, and how many photos fit its device's memory at once.

    `look` is shown what the model is given and what it makes of it, and raises where it is not as it should be.
    """

    model: BackboneModel
    at_once: int
    look: Callable[[np.ndarray, np.ndarray], None] | None = None
    buffer: np.ndarray | None = None

    def embed(self, batch: Sequence[Framed]) -> EmbeddedBatch:
        """Embed framed photos; where they do not fit the memory, go on with half as many at once.

        Raises:
            ModelError: the model gives something other than one vector for each photo.
            MemoryError: not even one photo fits.
            Exception: whatever else the model or `look` raises.
        """
        failures = {photo.content_id: photo.failure for photo in batch if photo.pixels is None}
        away = frozenset(photo.content_id for photo in batch if photo.away)
        ready = [(photo.content_id, photo.pixels) for photo in batch if photo.pixels is not None]
        if not ready:
            return EmbeddedBatch((), np.empty((0, self.model.dimension), dtype=np.float32), failures, away)
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
        return EmbeddedBatch(kept, vectors[is_usable], failures, away)

    def _compute(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Run the model on framed photos, `at_once` of them in one go: float32 [n, dimension]."""
        done: list[np.ndarray] = []
        start = 0
        while start < len(pixels):
            part = self._stacked(pixels[start : start + self.at_once])
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
            if self.look is not None:
                self.look(part, vectors)
            done.append(vectors)
            start += len(part)
        return np.concatenate(done)

    def _stacked(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """Stack photos in memory that is used again: being given a large batch's anew takes longer than filling it."""
        shape = (self.at_once, *pixels[0].shape)
        if self.buffer is None or self.buffer.shape[1:] != shape[1:] or len(self.buffer) < len(pixels):
            self.buffer = np.empty(shape, dtype=pixels[0].dtype)
        return np.stack(pixels, out=self.buffer[: len(pixels)])


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
