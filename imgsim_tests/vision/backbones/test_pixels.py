import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from imgsim_assets.vision.backbones.pixels import SquareInput

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torchvision_reference(resize: str, size: int) -> transforms.Compose:
    scale = (
        [transforms.Resize((size, size))]
        if resize == "squash"
        else [transforms.Resize(size), transforms.CenterCrop(size)]
    )
    return transforms.Compose([*scale, transforms.ToTensor(), transforms.Normalize(MEAN, STD)])


@pytest.mark.parametrize("resize", ["squash", "crop"])
@given(width=st.integers(20, 90), height=st.integers(20, 90), seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_it_is_torchvisions_transform(resize, width, height, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    photo = Image.fromarray(noise)
    ours = SquareInput(32, MEAN, STD, resize)(photo)
    assert ours.shape == (3, 32, 32)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, torchvision_reference(resize, 32)(photo).numpy(), atol=1e-6)


def test_squash_keeps_what_crop_cuts_off():
    photo = Image.new("RGB", (96, 32))
    photo.paste((255, 255, 255), (0, 0, 20, 32))
    plain = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    assert SquareInput(32, resize="squash", **plain)(photo).max() == 1
    assert SquareInput(32, resize="crop", **plain)(photo).max() == 0
