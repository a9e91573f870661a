"""What a model says of a batch: unit vectors, or why there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from imgsim_assets.errors import ModelError
from imgsim_assets.vision.embedded_batch import normalise
from imgsim_tests.vision.colours import Colours, oracle, photo, run


@given(
    st_numpy.arrays(
        np.float32, st.tuples(st.integers(0, 6), st.integers(1, 5)), elements=st.floats(-(2.0**60), 2.0**60, width=32)
    )
)
def test_normalised_rows_have_length_one_or_are_marked(vectors):
    scaled, is_usable = normalise(vectors)
    lengths = np.linalg.norm(scaled.astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, is_usable.astype(float), atol=1e-6)
    np.testing.assert_array_equal(is_usable, np.abs(vectors).max(axis=1) > 0)


@pytest.mark.parametrize(
    ("value", "reason"), [(0.0, "zero"), (float("nan"), "not finite"), (float("inf"), "not finite")]
)
def test_vectors_without_direction_are_failures(value, reason):
    class Degenerate(Colours):
        def embed(self, batch):
            vectors = super().embed(batch)
            vectors[1] = value
            return vectors

    (batch,) = run([photo(0), photo(1), photo(2)], Degenerate())
    assert batch.content_ids == (f"{0:032x}", f"{2:032x}")
    np.testing.assert_allclose(batch.vectors, oracle([0, 2]), atol=1e-6)
    assert list(batch.failures) == [f"{1:032x}"]
    assert reason in batch.failures[f"{1:032x}"]


def test_a_model_that_breaks_its_promise_is_named():
    class Wrong(Colours):
        dimension = 5

    with pytest.raises(ModelError, match=r"\(2, 5\)"):
        run([photo(0), photo(1)], Wrong())


def test_the_model_gets_full_batches():
    model = Colours()
    run([photo(i) for i in range(10)], model)
    assert model.batches == [4, 4, 2]


class Small(Colours):
    """A model whose device has room for three photos at once."""

    room = 3

    def embed(self, batch):
        if len(batch) > self.room:
            raise MemoryError(f"{len(batch)} photos")
        return super().embed(batch)


def test_a_full_memory_halves_the_batch_and_loses_nothing(caplog):
    model = Small(8)
    batches = run([photo(i) for i in range(20)], model)
    assert [len(batch.content_ids) for batch in batches] == [8, 8, 4]
    np.testing.assert_allclose(np.concatenate([batch.vectors for batch in batches]), oracle(range(20)), atol=1e-6)
    assert model.batches == [2] * 10
    assert [record.getMessage() for record in caplog.records] == [
        "8 photos at once do not fit the memory; going on with 4",
        "4 photos at once do not fit the memory; going on with 2",
    ]


def test_a_memory_without_room_for_one_photo_is_an_error():
    model = Small(4)
    model.room = 0
    with pytest.raises(MemoryError, match="1 photos"):
        run([photo(0), photo(1)], model)
