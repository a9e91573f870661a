"""Where assets keep what they make: one state folder with artefacts, rows by content, and publications."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa

from imgsim_assets.storage.artefacts import ARTEFACTS, ArtefactStore
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.storage.publication import publish_folder


class Store(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The state folder."""

    state: str

    @property
    def folder(self) -> Path:
        """The state folder, as an absolute path."""
        return Path(self.state).absolute()

    @property
    def artefacts(self) -> ArtefactStore:
        """What assets publish, by asset key."""
        return ArtefactStore(self.folder / ARTEFACTS)

    def content_table(self, name: str, schema: pa.Schema) -> ContentTable:
        """Rows by content id; `name` says what computed them, e.g. `clip/<fingerprint>`."""
        return ContentTable(self.folder / "content" / name, schema)

    def stored_table(self, name: str) -> ContentTable | None:
        """Find the rows by content id that were stored under `name`, with the columns they have; None: none yet."""
        return ContentTable.stored(self.folder / "content" / name)

    def publish(self, build: Callable[[Path], None]) -> Path:
        """Replace the folder `published/` as a whole by what `build` writes."""
        return publish_folder(self.folder, build)
