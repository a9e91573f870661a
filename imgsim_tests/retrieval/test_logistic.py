import numpy as np
import pytest

from imgsim_assets.retrieval.logistic import fit_logistic


@pytest.mark.parametrize("count", [2, 3])
def test_classes_that_lie_beside_the_origin_are_told_apart(count):
    """Their borders do not pass through it: the offsets say where they are."""
    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(count), 40)
    coordinates = 5.0 + 3.0 * classes[:, None] + random.normal(size=(len(classes), 1)) * 0.3
    logits = fit_logistic(coordinates, classes).logits(coordinates)
    assert logits.shape == (len(classes), count)
    np.testing.assert_array_equal(logits.argmax(axis=1), classes)
