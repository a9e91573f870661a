import numpy as np
import pytest
from PIL import Image

from imgsim_assets.errors import InputError
from imgsim_bench.graphics import GRAPHICS
from imgsim_bench.losses import Loss, losses_in_markdown, measure_losses


@pytest.mark.parametrize("kind", GRAPHICS)
def test_a_kind_is_drawn_again_alike_and_otherwise(kind):
    one, again, other = (GRAPHICS[kind](np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert one.dtype == np.uint8
    assert one.shape[2:] == (3,)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.slow
def test_of_drawn_pictures_fewer_than_one_in_two_hundred_lose_something():
    losses = measure_losses(28, 7)
    assert [one.kind for one in losses] == list(GRAPHICS)
    assert sum(one.cut for one in losses) <= sum(one.pictures for one in losses) / 200


def test_photos_of_a_folder_are_looked_at_with_and_without_their_rim(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    framed = np.pad(noise, ((20, 20), (20, 20), (0, 0)))
    (tmp_path / "deep").mkdir()
    for name, photo in (("framed.png", framed), ("deep/clean.png", noise)):
        Image.fromarray(photo).save(tmp_path / name)
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    losses = measure_losses(1, 0, tmp_path)
    assert losses[-2:] == [Loss("photos as they are", 2, 1), Loss("their middles", 2, 0)]
    assert losses_in_markdown(losses).endswith("| their middles | 2 | 0 |")


def test_a_folder_without_photos_is_refused(tmp_path):
    with pytest.raises(InputError, match="photos in"):
        measure_losses(1, 0, tmp_path)
