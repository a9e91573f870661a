"""The train photos nearest to any photo, through a published bundle."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image

from imgsim_assets.errors import InputError
from imgsim_assets.retrieval.ann.protocol import Index
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.serving.bundle import open_bundle
from imgsim_assets.serving.describe import require_photo
from imgsim_assets.serving.models import Models
from imgsim_assets.serving.queries import photo_queries
from imgsim_assets.settings import Settings

Photo: TypeAlias = Path | str | npt.NDArray[np.uint8]
FOUND = pl.Schema({"query": pl.UInt32, "rank": pl.Int32, "name": pl.String, "label": pl.String, "score": pl.Float32})


class Searcher:
    """Answers photos from one publication; indices and models stay loaded from one question to the next."""

    def __init__(self, settings: Settings, publication: Path) -> None:
        """Open the bundle of a publication, each of whose files is vouched for.

        Raises:
            ArtefactError: it was made with other settings or other weights.
        """
        self._settings = settings
        self._bundle = open_bundle(settings, publication)
        self._models = Models(settings, self._bundle)
        self._indices: dict[str, Index] = {}

    def answer(self, photos: Sequence[Photo], library: str, count: int) -> pl.DataFrame:
        """Find the train photos nearest to each photo.

        Args:
            photos: files, or uint8 [height, width, 3] RGB or [height, width] grey arrays, taken for PNG files of them.
            library: `faiss` or `annoy`.
            count: how many train photos to name for each.

        Returns:
            Columns `query` (position in `photos`), `rank` (from 1), `name`, `label` (or null), `score`; best first.

        Raises:
            InputError: something is no photo.
            ArtefactError: the index was damaged.
        """
        if not photos:
            return pl.DataFrame(schema=FOUND)
        with _as_files(photos) as paths:
            for path in paths:  # before any model is loaded for them
                require_photo(path, self._settings)
            queries = photo_queries(paths, self._models)
        bundle = self._bundle
        if library not in self._indices:
            self._indices[library] = bundle.index(library)
        found = search(self._indices[library], bundle.vectors, queries, count, reciprocal=bundle.head.recipe.reciprocal)
        return as_rows(bundle.gallery, found.ids, found.scores)


def as_rows(gallery: pl.DataFrame, ids: npt.NDArray[np.integer], scores: npt.NDArray[np.floating]) -> pl.DataFrame:
    """Write answers as rows of `FOUND`: `ids` and `scores` are [queries, count], rows of the gallery, -1 for none."""
    asked, listed = ids.shape
    rows = pl.DataFrame(
        {
            "query": np.repeat(np.arange(asked), listed),
            "rank": np.tile(np.arange(1, listed + 1), asked),
            "row": ids.ravel(),
            "score": scores.ravel(),
        }
    ).filter(pl.col("row") >= 0)
    named = gallery.select("name", "label")[rows["row"].to_list()]
    return pl.concat([rows, named], how="horizontal").select(FOUND.names()).cast(FOUND)


@contextmanager
def _as_files(photos: Sequence[Photo]) -> Iterator[list[Path]]:
    with tempfile.TemporaryDirectory(prefix="imgsim-") as folder:
        yield [
            _written(photo, Path(folder) / f"{number}.png") if isinstance(photo, np.ndarray) else Path(photo)
            for number, photo in enumerate(photos)
        ]


def _written(photo: npt.NDArray[np.uint8], path: Path) -> Path:
    if photo.dtype != np.uint8 or not (photo.ndim == 2 or (photo.ndim == 3 and photo.shape[2] == 3)) or not photo.size:
        raise InputError(
            "an array uint8 [height, width, 3] (RGB) or [height, width] (grey)",
            f"{photo.dtype} {list(photo.shape)}",
            "convert it, or name a file",
        )
    Image.fromarray(photo).save(path, compress_level=1)
    return path
