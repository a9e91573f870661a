import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.retrieval.ann import rows
from imgsim_assets.retrieval.ann.rows import blocks, evenly


@given(st.integers(1, 500), st.integers(1, 50))
def test_rows_are_taken_evenly(size, count):
    taken = evenly(np.arange(size, dtype=np.float32)[:, None], count).ravel()
    assert len(taken) == min(size, count)
    assert taken[0] == 0
    assert taken[-1] == size - 1 or count == 1
    assert len(np.unique(taken)) == len(taken)
    assert np.ptp(np.diff(taken)) <= 1 if len(taken) > 2 else True


def test_blocks_are_all_rows_in_turn(monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 3)
    assert [part.tolist() for part in blocks(np.arange(7))] == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(blocks(np.arange(0))) == []
