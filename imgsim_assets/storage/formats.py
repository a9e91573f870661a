"""How tables and arrays lie on disk: Parquet and .npy, the same bytes for the same content, never pickle."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from imgsim_assets.errors import ArtefactError, ImgsimError
from imgsim_assets.world import world_fault_in

ROW_GROUP = 65_536


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write Parquet whose bytes depend on the content alone, not on chunks, threads or time."""
    table.rechunk().write_parquet(path, compression="zstd", statistics=True, row_group_size=ROW_GROUP)


def read_table(path: Path) -> pl.DataFrame:
    """Read what `write_table` wrote.

    Raises:
        ArtefactError: it is absent or not Parquet.
    """
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable("a Parquet table", path, error) from error


def write_array(path: Path, array: np.ndarray[Any, Any]) -> None:
    """Write .npy in C order; `path` ends in `.npy`. An array of objects is refused with a ValueError."""
    np.save(path, np.ascontiguousarray(array) if array.ndim else array, allow_pickle=False)


def read_array(path: Path) -> np.ndarray[Any, Any]:
    """Map what `write_array` wrote into memory, read-only: only what is touched is read.

    Raises:
        ArtefactError: it is absent or not a .npy file.
    """
    try:
        array: np.ndarray[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _unreadable("a .npy array", path, error) from error
    return array


def writing(contents: Mapping[str, pl.DataFrame | np.ndarray[Any, Any] | bytes]) -> Callable[[Path], None]:
    """Give what writes these into a folder, by file name: tables, arrays, and bytes as they are."""

    def write(folder: Path) -> None:
        for name, content in contents.items():
            if isinstance(content, pl.DataFrame):
                write_table(folder / name, content)
            elif isinstance(content, bytes):
                (folder / name).write_bytes(content)
            else:
                write_array(folder / name, content)

    return write


def _unreadable(what: str, path: Path, error: Exception) -> ImgsimError:
    found = f"{type(error).__name__}: {error}"[:300]
    return world_fault_in(error) or ArtefactError(f"{what} in {path}", found, "run `imgsim sync` again")
