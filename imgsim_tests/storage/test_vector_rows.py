from pathlib import Path

import numpy as np
import pytest

from imgsim_assets.errors import ArtefactError
from imgsim_assets.storage import content_table
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.storage.vector_rows import read_vectors, vector_rows, vector_schema


def test_vectors_come_back_in_the_order_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_table, "READ_ROWS", 64)
    random_numbers = np.random.default_rng(0)
    vectors = random_numbers.standard_normal((500, 7)).astype(np.float32)
    ids = [f"{row:032x}" for row in range(500)]
    table = ContentTable(tmp_path / "t", vector_schema(7))
    for start in range(0, 500, 90):
        table.append(vector_rows(ids[start : start + 90], vectors[start : start + 90]))
    order = random_numbers.integers(0, 500, 700)
    found = read_vectors(table, [ids[row] for row in order])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, vectors[order])
    assert read_vectors(table, []).shape == (0, 7)


def test_vectors_of_another_dimension_are_refused(tmp_path: Path) -> None:
    table = ContentTable(tmp_path / "t", vector_schema(7))
    with pytest.raises(ArtefactError, match="vector"):
        table.append(vector_rows(["a"], np.zeros((1, 6), np.float32)))
