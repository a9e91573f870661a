"""imgsim for notebooks and other programs: what one publication holds, as polars tables and NumPy arrays.

    from imgsim_assets.api import open_publication

    found = open_publication(".imgsim")
    found.photos, found.metrics["map_at_10"]
    found.search(["some.jpg"])

What is opened stays as it was published, whatever is synced meanwhile, and is never mixed with what came before or
after; open it again to see what came. Nothing is changed but what imgsim remembers of files it has read. Importing this
loads neither torch nor Dagster, and nothing is computed but by `search` and `search_text`.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from imgsim_assets.errors import ArtefactError, UserError
from imgsim_assets.serving import layout
from imgsim_assets.serving.comparison import Comparison, open_comparison
from imgsim_assets.serving.embeddings import Embeddings
from imgsim_assets.serving.provisional import is_provisional
from imgsim_assets.serving.publications import Version, list_versions
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.storage.content_table import CONTENT, ContentTable
from imgsim_assets.storage.formats import read_table
from imgsim_assets.storage.publication import whole_publication
from imgsim_assets.storage.vector_rows import read_vectors
from imgsim_assets.view_table import PHOTO

if TYPE_CHECKING:
    from imgsim_assets.serving.search import Photo, Searcher
    from imgsim_assets.serving.text_search import TextSearcher

Library = Literal["faiss", "annoy"]


@dataclass(frozen=True)
class Publication:
    """One publication, by the folder that holds it; `settings` say how photos are looked at in `search`.

    Every read raises ArtefactError where the folder was removed, or was written by an older imgsim.
    """

    folder: Path
    settings: Settings

    @property
    def version(self) -> str:
        """Its name: 32 hexadecimal digits over all that it holds."""
        return self.folder.name

    @property
    def is_provisional(self) -> bool:
        """Whether it is what the first backbone says alone, until the first sync comes to its end."""
        return is_provisional(self.folder)

    @property
    def versions(self) -> list[Version]:
        """All publications that are on disk, the one published last first."""
        return list_versions(self._state)

    @property
    def photos(self) -> pl.DataFrame:
        """The photos that can be used, a row each, by `split` (train, test) and `name`.

        `content_id` names the bytes, `label` may be null, `path` is relative to the folder of photos; `width` and
        `height` are pixels, and photos of one `near_duplicate_group` are copies. Hidden labels are not among it.
        """
        usable = pl.col("status") == "ok"
        return self._table(layout.CATALOGUE).filter(usable).drop("status", "reason", "detail")

    @property
    def quarantine(self) -> pl.DataFrame:
        """The files that could not be used: `split`, `name`, `path`, and why: `reason` and `detail`."""
        refused = pl.col("status") != "ok"
        return self._table(layout.CATALOGUE).filter(refused).select("split", "name", "path", "reason", "detail")

    @property
    def labels(self) -> pl.DataFrame:
        """The labels of train photos: `name`, `content_id`, `label`."""
        labelled = (pl.col("split") == "train") & pl.col("label").is_not_null()
        return self.photos.filter(labelled).select("name", "content_id", "label")

    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured: `map_at_10` (or None), `ci95` (its 95% interval), `queries`, `source` and more."""
        found: dict[str, Any] = json.loads(self._bytes(self.folder / layout.METRICS))
        return found

    @property
    def comparison(self) -> Comparison:
        """FAISS beside Annoy, as measured on these vectors."""
        return open_comparison(self.folder)

    @property
    def backbones(self) -> Mapping[str, tuple[str, ...]]:
        """The views of each backbone that there are embeddings of."""
        return {name: tuple(views) for name, views in self._embedded.items()}

    def embeddings(self, backbone: str, view: str = PHOTO) -> Embeddings:
        """Read what a backbone made of each photo: unit vectors, in the order of content ids.

        Raises:
            UserError: there is no such backbone or view.
            ArtefactError: rows are gone or damaged.
        """
        if view not in self._embedded.get(backbone, {}):
            known = ", ".join(f"{name} ({', '.join(views)})" for name, views in self.backbones.items())
            raise UserError(f"embeddings of {known}", f"{backbone} ({view})", "ask for one of them")
        from imgsim_assets.vision.content_names import vector_folder

        place = self._state / CONTENT / vector_folder(self._embedded[backbone][view])
        table = ContentTable.stored(place)
        if table is None:
            raise ArtefactError(f"the vectors of {backbone} at {place}", "nothing", "run `imgsim sync`")
        known_ids = table.ids()
        ids = [one for one in sorted(set(self.photos["content_id"])) if one in known_ids]
        vectors = read_vectors(table, ids)
        vectors.setflags(write=False)
        return Embeddings(tuple(ids), vectors)

    def neighbours(self, library: Library | None = None) -> pl.DataFrame:
        """Read what a library found for each test photo; None: the one that the submission is made of.

        Returns:
            Columns `query` (a test photo), `rank` (from 1), `name` (a train photo), `score`; best first.
        """
        return self._table(layout.neighbours_file(library or self.settings.submission.index))

    def search(self, photos: "Sequence[Photo]", count: int = 10, library: Library | None = None) -> pl.DataFrame:
        """Name the train photos nearest to any photos; models and indices stay loaded for the next question.

        Args:
            photos: files, or uint8 [height, width, 3] RGB or [height, width] grey arrays.
            count: how many train photos to name for each.
            library: which index answers; None: the submission's.

        Returns:
            Columns `query` (position in `photos`), `rank` (from 1), `name`, `label` (or null), `score`; best first.

        Raises:
            InputError: something is no photo.
            ArtefactError: it was published with other settings or weights, or is damaged.
            ModelError: a backbone's weights are not there.
        """
        return self._searcher.answer(photos, library or self.settings.submission.index, count)

    def search_text(self, texts: Sequence[str], count: int = 10) -> pl.DataFrame:
        """Name the train photos that words describe best, by the first CLIP or SigLIP backbone with a text tower.

        Every train photo is looked at, by that backbone's vectors alone: nothing that was learned from labels.

        Args:
            texts: what is looked for, as a caption would say it.
            count: how many train photos to name for each.

        Returns:
            Columns as those of `search`; the score is the cosine of text and photo.

        Raises:
            SettingsError: no backbone has a text tower.
            InputError: a text is blank.
            ArtefactError: it was published with other settings or weights, or is damaged.
            ModelError: the text tower's files are not there and cannot be fetched.
        """
        return self._text_searcher.answer(texts, count)

    @functools.cached_property
    def _text_searcher(self) -> "TextSearcher":
        from imgsim_assets.serving.text_search import TextSearcher

        return TextSearcher(self.settings, self.folder, self.embeddings)

    @functools.cached_property
    def _searcher(self) -> "Searcher":
        from imgsim_assets.serving.search import Searcher

        return Searcher(self.settings, self.folder)

    @functools.cached_property
    def _embedded(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = json.loads(self._bytes(self.folder / layout.BUNDLE / layout.EMBEDDINGS))
        return found

    @property
    def _state(self) -> Path:
        return self.settings.places.state.absolute()

    def _table(self, name: str) -> pl.DataFrame:
        path = self.folder / layout.BUNDLE / name
        self._require(path)
        return read_table(path)

    def _bytes(self, path: Path) -> bytes:
        self._require(path)
        return path.read_bytes()

    def _require(self, path: Path) -> None:
        if not self.folder.is_dir():
            raise ArtefactError(
                f"the publication {self.folder}", "nothing: later ones have taken its place", "open it again"
            )
        if not path.is_file():
            raise ArtefactError(f"{path}", "nothing: an older imgsim published it", "run `imgsim sync`")


def open_publication(
    state: str | Path | None = None, *, config: str | Path | None = None, profile: str | None = None
) -> Publication:
    """Open what is published now in a state folder; every byte of it is vouched for.

    Args:
        state: the state folder, as `--state` of the command; None: what the settings say, `.imgsim` by default.
        config: the settings file that it was made with, as `--config`; only `search` needs it.
        profile: as `--profile`.

    Raises:
        SettingsError: the settings are not known or not possible.
        ArtefactError: there is no such folder, nothing was published in it, or what was is damaged.
    """
    places = {} if state is None else {"places": {"state": str(state)}}
    return publication_of(load_settings(profile, None if config is None else Path(config), places))


def publication_of(settings: Settings) -> Publication:
    """Open what is published now in the state folder of `settings`.

    Raises:
        ArtefactError: see `open_publication`.
    """
    state = settings.places.state.absolute()
    if not state.is_dir():
        mend = "run `imgsim sync`, which publishes, or name the state folder that it was given"
        raise ArtefactError(f"a publication at {state}", "no such folder", mend)
    return Publication(whole_publication(state), settings)
