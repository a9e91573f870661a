import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from imgsim_assets.errors import ArtefactError
from imgsim_assets.storage.formats import read_array, read_table, write_array, write_table
from imgsim_tests.budget import examples

ROOT = Path(__file__).parents[2]

MAKE = """
import sys, polars as pl
from pathlib import Path
from imgsim_assets.storage.formats import write_table
from imgsim_tests.budget import examples
table = pl.DataFrame({"a": range(100_000), "b": [str(i % 977) for i in range(100_000)]})
write_table(Path(sys.argv[1]), table)
"""


@settings(max_examples=examples(40))
@given(table=dataframes(allowed_dtypes=[pl.Int64, pl.UInt8, pl.Float32, pl.String, pl.Boolean], max_cols=4))
def test_a_table_comes_back_equal_and_its_bytes_ignore_chunks(table: pl.DataFrame) -> None:
    with TemporaryDirectory() as folder:
        one, two = Path(folder) / "one.parquet", Path(folder) / "two.parquet"
        write_table(one, table)
        assert_frame_equal(read_table(one), table)
        half = table.height // 2
        write_table(two, pl.concat([table[:half], table[half:]], rechunk=False))
        assert one.read_bytes() == two.read_bytes()


def test_the_bytes_of_a_table_do_not_depend_on_threads(tmp_path: Path) -> None:
    for threads in ("1", "4"):
        command = [sys.executable, "-c", MAKE, str(tmp_path / threads)]
        subprocess.run(command, check=True, cwd=ROOT, env={"POLARS_MAX_THREADS": threads})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "4").read_bytes()


@settings(max_examples=examples(40))
@given(
    array=hnp.arrays(
        st.sampled_from([np.dtype(np.float32), np.dtype(np.int64), np.dtype(np.uint8), np.dtype(bool)]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
    )
)
def test_an_array_comes_back_equal(array: np.ndarray) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.npy"
        write_array(path, array.T)
        found = read_array(path)
        assert found.dtype == array.dtype
        assert found.shape == array.T.shape
        np.testing.assert_array_equal(found, array.T)
        del found


def test_an_array_is_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    write_array(tmp_path / "a.npy", np.zeros(4))
    found = read_array(tmp_path / "a.npy")
    assert isinstance(found, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        write_array(tmp_path / "a.npy", np.array([{}], dtype=object))


@pytest.mark.parametrize("content", [None, b"", b"PAR1", b"\x93NUMPY\x01\x00v\x00{"])
@pytest.mark.parametrize("read", [read_table, read_array])
def test_damaged_files_are_artefact_errors(tmp_path: Path, content: bytes | None, read) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtefactError, match="imgsim sync"):
        read(path)
