"""A few photos that are away are tried again; many are a folder that is away."""

import pytest

from imgsim_assets.errors import InputError
from imgsim_assets.vision.away import away_fact


@pytest.mark.parametrize(("gone", "photos"), [(10, 20), (100, 1000)])
def test_a_few_are_counted(gone, photos):
    assert away_fact([str(number) for number in range(gone)], photos) == {"away": gone}
    assert away_fact([], photos) == {}
    with pytest.raises(InputError, match=f"{gone + 1} of {photos} away or changed"):
        away_fact([str(number) for number in range(gone + 1)], photos)
