"""Photos that no asset knows, turned into the descriptors that the gallery's photos have."""

import functools
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgsim_assets.errors import InputError
from imgsim_assets.fingerprint import bytes_id
from imgsim_assets.retrieval.descriptors import assemble_descriptors
from imgsim_assets.serving.models import Models
from imgsim_assets.settings import Settings
from imgsim_assets.threads import thread_count
from imgsim_assets.view_table import need_edges
from imgsim_assets.vision.canny import edges_of_file
from imgsim_assets.vision.content import content_of_photo
from imgsim_assets.vision.embedding import Lane, embed_photos
from imgsim_assets.vision.frame import Frame, OpenedPhoto, open_photo
from imgsim_assets.vision.framing import PhotoSource
from imgsim_assets.vision.photo import decode_bytes, decode_photo
from imgsim_assets.vision.photo_file import PhotoError, read_file


def describe(paths: Sequence[Path], models: Models) -> npt.NDArray[np.float32]:
    """Turn photos into descriptors, row for row: float32 [n, d]. Only views in use are embedded.

    Raises:
        InputError: a photo cannot be read, or a backbone gives no vector for it.
    """
    settings, recipe = models.settings, models.bundle.head.recipe
    asked = {name: models.backbone(name, len(paths) * len(views)) for name, views in recipe.views.items()}
    lanes = {(name, view): Frame(view, asked[name].framing) for name, views in recipe.views.items() for view in views}
    found: dict[str, list[npt.NDArray[np.float32]]] = {" ".join(lane): [] for lane in lanes}
    batches = embed_photos(
        [PhotoSource(str(path), functools.partial(open_any, path, settings, lanes.values())) for path in paths],
        [Lane(" ".join(lane), asked[lane[0]], frame) for lane, frame in lanes.items()],
        workers=thread_count(settings.runtime.threads),
        total=len(paths),
    )
    for lane, batch in batches:
        for path, reason in batch.failures.items():
            raise InputError(f"a photo with content at {path}", f"{reason}, by {lane}", "name another file")
        found[lane].append(batch.vectors)
    return assemble_descriptors({lane: np.concatenate(found[" ".join(lane)]) for lane in sorted(lanes)}, recipe.power)


def require_photo(path: Path, settings: Settings) -> None:
    """Refuse what is no photo.

    Raises:
        InputError: it cannot be read.
    """
    try:
        decode_photo(path, settings.ingest.max_pixels)
    except PhotoError as error:
        raise InputError(f"a photo at {path}", str(error), "name another file") from error


def open_any(path: Path, settings: Settings, frames: Collection[Frame]) -> OpenedPhoto:
    """Open a photo that no asset knows, with its content, and with its edges where a view needs them.

    Raises:
        InputError: it cannot be read.
    """
    limit = settings.ingest.max_pixels
    try:
        content_of_file = read_file(path, limit)
        whole, _ = decode_bytes(content_of_file, limit)
        content = content_of_photo(whole, trim=settings.ingest.trim)
        edges_are_shown = need_edges(frame.view for frame in frames)
        edges = edges_of_file(content_of_file, whole.size, content, settings.canny, limit) if edges_are_shown else None
        known_by = bytes_id(content_of_file)
        return open_photo(path, whole.size, frames, edges, limit, content=content, known_by=known_by)
    except PhotoError as error:
        raise InputError(f"a photo at {path}", str(error), "name another file") from error
