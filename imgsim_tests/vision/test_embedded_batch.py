import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from imgsim_assets.vision.embedded_batch import normalise


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
