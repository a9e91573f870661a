"""Where assets keep what they make: one state folder with artefacts, rows by content, and publications."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pyarrow as pa
from filelock import Timeout

from imgsim_assets.storage.artefacts import ARTEFACTS, ArtefactStore
from imgsim_assets.storage.content_table import CONTENT, ContentTable
from imgsim_assets.storage.ledger import Ledger, ledger_of
from imgsim_assets.storage.publication import publish_folder
from imgsim_assets.storage.state_lock import held_by, state_lock


class Store(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The state folder. A run holds its lock, and waits for it while another run or sync is at work."""

    state: str

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Store"]:
        """Hold the state folder's lock for as long as a run uses it."""
        lock = state_lock(self.folder)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if context.log:
                context.log.info(f"waiting: another run or sync is at work on {self.folder}")
            lock.acquire()
        try:
            with held_by(self.folder, context.run.run_id if context.run else ""):
                yield self
        finally:
            lock.release()

    @property
    def folder(self) -> Path:
        """The state folder, as an absolute path."""
        return Path(self.state).absolute()

    @property
    def artefacts(self) -> ArtefactStore:
        """What assets made, by asset key; whole byte for byte when it is opened."""
        return ArtefactStore(self.folder / ARTEFACTS, self.ledger.digest)

    @property
    def ledger(self) -> Ledger:
        """What is known of the files in it."""
        return ledger_of(self.folder)

    @property
    def content(self) -> Path:
        """The folder of all rows by content."""
        return self.folder / CONTENT

    def content_table(self, name: str, schema: pa.Schema) -> ContentTable:
        """Rows by content id; `name` says what computed them, e.g. `clip/<fingerprint>`."""
        return ContentTable(self.content / name, schema)

    def stored_table(self, name: str) -> ContentTable | None:
        """Find the rows by content id that were stored under `name`, with the columns they have; None: none yet."""
        return ContentTable.stored(self.content / name)

    def has_table(self, name: str) -> bool:
        """Whether rows by content id were stored under `name`; does not look at them."""
        return ContentTable.is_stored(self.content / name)

    def publish(
        self, build: Callable[[Path], None], kept: int, announce: Callable[[Path, str], None] | None = None
    ) -> Path:
        """Replace the folder `published/` as a whole by what `build` writes; `kept` publications stay on disk.

        `announce` is told its folder and version before, and stops it by raising.
        """
        return publish_folder(self.folder, build, kept, announce)
