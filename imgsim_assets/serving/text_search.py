"""The train photos that words describe best: by a text tower, beside the published vectors of its image tower."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from imgsim_assets.errors import InputError
from imgsim_assets.serving.bundle import open_bundle
from imgsim_assets.serving.embeddings import Embeddings
from imgsim_assets.serving.provisional import is_provisional, provisional_settings
from imgsim_assets.serving.search import FOUND, as_rows
from imgsim_assets.settings import Settings
from imgsim_assets.vision.backbones.text_tower import find_text_backbone, load_text_tower


class TextSearcher:
    """Answers words from one publication; the text tower stays loaded from one question to the next."""

    def __init__(self, settings: Settings, publication: Path, read: Callable[[str], Embeddings]) -> None:
        """Load the text tower of the first backbone that has one, and that backbone's vectors of the gallery.

        Args:
            settings: those that the publication was made with.
            publication: its folder.
            read: gives a backbone's vectors of the publication, and of no other.

        Raises:
            SettingsError: no backbone has a text tower.
            ArtefactError: it was made with other settings or other weights.
            ModelError: the text tower cannot be had.
        """
        self._gallery = open_bundle(settings, publication).gallery
        asked = provisional_settings(settings) if is_provisional(publication) else settings
        name = find_text_backbone(asked)
        found = read(name)
        row_of = {content_id: row for row, content_id in enumerate(found.content_ids)}
        self._vectors = found.vectors[[row_of[content_id] for content_id in self._gallery["content_id"]]]
        self._tower = load_text_tower(asked.backbones[name], asked)

    def answer(self, texts: Sequence[str], count: int) -> pl.DataFrame:
        """Find the train photos nearest to each text, by exact search.

        Returns:
            Columns as those of `Searcher.answer`; the score is the cosine of text and photo.

        Raises:
            InputError: a text is blank, or none of Unicode's.
        """
        if not texts:
            return pl.DataFrame(schema=FOUND)
        if not all(text.strip() for text in texts):
            raise InputError("words that say what is looked for", "a blank text", "name something")
        for text in texts:
            try:
                text.encode()
            except UnicodeEncodeError as error:
                found = repr(text[error.start : error.end])
                raise InputError("words in Unicode", found, "write them in UTF-8, as the terminal should") from error
        scores = self._tower.embed(texts) @ self._vectors.T
        ids = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        return as_rows(self._gallery, ids, np.take_along_axis(scores, ids, axis=1))
