"""Rows keyed by the content they were computed from, in a Lance dataset: what is known is never computed again.

An append is one atomic commit, and a reader keeps the version that it opened. Writers take turns
through a lock file beside the dataset, so that each id is stored once. The choice of Lance:
docs/decisions/0001-lance-for-vectors.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock, Timeout

from imgsim_assets.errors import ArtefactError
from imgsim_assets.storage.atomic import sync_path
from imgsim_assets.storage.lance_errors import MEND, damage_reported

if TYPE_CHECKING:
    from lance import LanceDataset

CONTENT = "content"  # the folder of all tables, in the state folder
ID = "content_id"
READ_ROWS = 8192
LOCK_SECONDS = 600.0
COMPACT_EVERY = 100  # versions
# A fragment that is this large is not rewritten by later compactions, so that they need no more memory than a few.
FRAGMENT_BYTES = 16 * 2**20
LEAST_FRAGMENT_ROWS = 1024
USUAL_ROW_BYTES = 4096  # of columns without vectors
KEPT_FOR = dt.timedelta(hours=1)  # longer than any reader holds a version


class ContentTable:
    """A growing table with one row per content id; rows never change."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        """Use the dataset in `folder`, which the first append creates.

        Args:
            folder: the dataset's own folder.
            schema: names and types of all columns; the first is `content_id`, a string.
        """
        if schema.names[:1] != [ID] or schema.field(0).type != pa.string():
            first = schema.field(0) if len(schema) else "none"
            raise ValueError(f"the first column of a content table is {ID} (string), not {first}")
        self.folder = folder.absolute()
        self.schema = schema

    @classmethod
    def stored(cls, folder: Path) -> ContentTable | None:
        """Open the table in `folder` with the columns that it has; None: nothing was ever appended there.

        Raises:
            ArtefactError: it cannot be read.
        """
        probe = cls(folder, pa.schema([pa.field(ID, pa.string(), nullable=False)]))
        dataset = probe._dataset()
        with damage_reported(folder):
            return None if dataset is None else cls(folder, dataset.schema)

    @staticmethod
    def is_stored(folder: Path) -> bool:
        """Whether anything was ever appended in `folder`; opens nothing, and imports nothing for it."""
        return any(folder.glob("_versions/*.manifest"))

    def ids(self) -> frozenset[str]:
        """Every content id that has a row."""
        return frozenset(self._ids(self._open()).to_pylist())

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Those of `ids` that have no row: each once, in their order."""
        distinct = pa.array(dict.fromkeys(ids), pa.string())
        known = pc.is_in(distinct, value_set=self._ids(self._open()))
        missing: list[str] = distinct.filter(pc.invert(known)).to_pylist()
        return missing

    def append(self, rows: pa.Table) -> None:
        """Add, in one commit, the rows whose id has none yet; of rows with the same id the first.

        Raises:
            ArtefactError: columns or types are not those of the table, or the dataset cannot be used.
        """
        rows = self._conforming(rows)
        rows = rows.take(_first_positions(rows.column(ID).combine_chunks()))
        with self._only_writer():
            dataset = self._open()
            rows = rows.filter(pc.invert(pc.is_in(rows.column(ID), value_set=self._ids(dataset))))
            if rows.num_rows:
                version = self._commit(rows, dataset)
                if version % COMPACT_EVERY == 0:
                    self._compact(KEPT_FOR)

    def read(self, ids: Sequence[str], columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of `ids`, in their order, repeats included; of all columns or of `columns`.

        Raises:
            ArtefactError: some ids have no row, or the dataset cannot be read.
        """
        schema = self.schema if columns is None else pa.schema([self.schema.field(name) for name in columns])
        return pa.concat_tables([schema.empty_table(), *self.read_pieces(ids, columns)])

    def read_pieces(self, ids: Sequence[str], columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield what `read` gives in pieces of at most 8,192 rows, all of one version of the table."""
        dataset = self._open()
        positions = pc.index_in(pa.array(ids, pa.string()), value_set=self._ids(dataset))
        if positions.null_count:
            raise self._without_rows([ids[place] for place in pc.indices_nonzero(positions.is_null()).to_pylist()])
        names = list(columns) if columns is not None else self.schema.names
        for start in range(0, len(positions), READ_ROWS):
            with damage_reported(self.folder):
                piece = dataset.take(positions[start : start + READ_ROWS], columns=names) if dataset else None
            if piece is not None:
                yield piece

    def compact(self, keep: dt.timedelta = KEPT_FOR) -> None:
        """Merge small fragments, and drop the versions that are older than `keep`; readers of younger ones go on."""
        with self._only_writer():
            if self._open() is not None:
                self._compact(keep)

    def _open(self) -> LanceDataset | None:
        dataset = self._dataset()
        with damage_reported(self.folder):
            schema = self.schema if dataset is None else dataset.schema
        if dataset is not None and not schema.equals(self.schema):
            raise ArtefactError(f"the columns {_columns(self.schema)} in {self.folder}", _columns(schema), self._mend())
        return dataset

    def _dataset(self) -> LanceDataset | None:
        if not self.is_stored(self.folder):
            return None  # never written, or its first writer was killed before its first commit
        import lance

        with damage_reported(self.folder):
            return lance.dataset(self.folder)

    def _ids(self, dataset: LanceDataset | None) -> pa.Array:
        if dataset is None:
            return pa.array([], pa.string())
        with damage_reported(self.folder):
            return dataset.to_table(columns=[ID]).column(ID).combine_chunks()

    def _commit(self, rows: pa.Table, dataset: LanceDataset | None) -> int:
        import lance

        before = {fragment.fragment_id for fragment in dataset.get_fragments()} if dataset else set()
        with damage_reported(self.folder):
            written = lance.write_dataset(rows, self.folder, mode="append" if dataset else "create")
        # Lance leaves writing to disk to the system; after a power cut a commit must not name absent rows.
        new = [fragment for fragment in written.get_fragments() if fragment.fragment_id not in before]
        for file in (file for fragment in new for file in fragment.data_files()):
            sync_path(self.folder / "data" / file.path)
        sync_path(min(self.folder.glob("_versions/*.manifest"), key=lambda path: path.name))  # names count down
        sync_path(self.folder / "data")
        sync_path(self.folder / "_versions")
        return int(written.version)

    def _compact(self, keep: dt.timedelta) -> None:
        dataset = self._open()
        if dataset is not None:
            with damage_reported(self.folder):
                dataset.optimize.compact_files(target_rows_per_fragment=fragment_rows(self.schema))
                dataset.cleanup_old_versions(keep)

    def _conforming(self, rows: pa.Table) -> pa.Table:
        if rows.schema.names != self.schema.names or rows.schema.types != self.schema.types:
            raise ArtefactError(
                f"rows with the columns {_columns(self.schema)}", _columns(rows.schema), "give the rows those columns"
            )
        empty = [name for name in self.schema.names if rows.column(name).null_count and not self._may_be_null(name)]
        if empty:
            raise ArtefactError("rows without nulls", f"nulls in {', '.join(empty)}", "leave those rows out")
        return rows.cast(self.schema)

    def _may_be_null(self, name: str) -> bool:
        return name != ID and self.schema.field(name).nullable

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_name(f"{self.folder.name}.lock"), timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise ArtefactError(
                f"to write to {self.folder} within {LOCK_SECONDS:.0f} seconds",
                f"another process that holds {lock.lock_file}",
                "wait for it or end it, then run `imgsim sync` again",
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _without_rows(self, missing: list[str]) -> ArtefactError:
        distinct = list(dict.fromkeys(missing))
        return ArtefactError(
            f"rows for all ids asked of {self.folder}",
            f"none for {len(distinct)} of them, the first {distinct[0]}",
            MEND,
        )

    def _mend(self) -> str:
        return f"remove {self.folder} and run `imgsim sync`, which computes its rows again"


def fragment_rows(schema: pa.Schema) -> int:
    """Say how many rows of a table make a fragment of `FRAGMENT_BYTES`, or of a few times that where rows are wide."""
    vectors = [field.type for field in schema if pa.types.is_fixed_size_list(field.type)]
    row_bytes = sum(one.list_size * one.value_type.bit_width // 8 for one in vectors) or USUAL_ROW_BYTES
    return max(LEAST_FRAGMENT_ROWS, FRAGMENT_BYTES // row_bytes)


def _first_positions(ids: pa.Array) -> pa.Array:
    return pc.indices_nonzero(pc.equal(pc.index_in(ids, value_set=ids), pa.array(np.arange(len(ids), dtype=np.int32))))


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in schema)
