"""Vectors as rows of a content table: one column beside the content id, of float32 numbers, as many in each row."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from imgsim_assets.storage.content_table import ID, ContentTable

VECTOR = "vector"


def vector_schema(dimension: int) -> pa.Schema:
    """Columns of a table of float32 vectors with `dimension` numbers each."""
    vector = pa.list_(pa.float32(), dimension)
    return pa.schema([pa.field(ID, pa.string(), nullable=False), pa.field(VECTOR, vector, nullable=False)])


def vector_rows(ids: Sequence[str], vectors: np.ndarray) -> pa.Table:
    """Rows for a table with `vector_schema`: `vectors` is float32 [n, d], row i belongs to `ids[i]`."""
    numbers = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
    column = pa.FixedSizeListArray.from_arrays(numbers, vectors.shape[1])
    return pa.table([pa.array(ids, pa.string()), column], schema=vector_schema(vectors.shape[1]))


def read_vectors(table: ContentTable, ids: Sequence[str]) -> np.ndarray:
    """Vectors of `ids`, in their order: float32 [n, d]; beside the result only one piece of it is in memory.

    Raises:
        ArtefactError: some ids are not in the table, or it cannot be read.
    """
    result = np.empty((len(ids), table.schema.field(VECTOR).type.list_size), dtype=np.float32)
    start = 0
    for piece in table.read_pieces(ids, [VECTOR]):
        for chunk in piece.column(VECTOR).chunks:
            rows = chunk.flatten().to_numpy(zero_copy_only=True).reshape(len(chunk), -1)
            result[start : start + len(rows)] = rows
            start += len(rows)
    return result
