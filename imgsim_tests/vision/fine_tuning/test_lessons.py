"""What fine-tuning is given to look at."""

import pytest

from imgsim_assets.vision.fine_tuning import lessons


@pytest.mark.parametrize(("side", "framed"), [(64, 72), (224, 252), (96, 108)])
def test_photos_are_framed_an_eighth_larger_than_the_model_looks_at(side, framed):
    """So that there is something to crop, and little to throw away."""
    assert lessons._larger(side) == framed
