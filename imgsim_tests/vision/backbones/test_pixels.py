import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from imgsim_assets.errors import ModelError
from imgsim_assets.vision.backbones.pixels import (
    LibraryFraming,
    Normalisation,
    PhotoInput,
    SquareFraming,
    as_the_library,
    frame_probes,
)
from imgsim_tests.budget import examples

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torchvision_reference(resize: str, size: int, scaled: int) -> transforms.Compose:
    scale = (
        [transforms.Resize((size, size))]
        if resize == "squash"
        else [transforms.Resize(scaled), transforms.CenterCrop(size)]
    )
    return transforms.Compose([*scale, transforms.ToTensor(), transforms.Normalize(MEAN, STD)])


def photo_of(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("resize", ["squash", "crop"])
@given(width=st.integers(20, 90), height=st.integers(20, 90), scaled=st.integers(32, 40), seed=st.integers(0, 1000))
@settings(max_examples=examples(40))
def test_it_is_torchvisions_transform(resize, width, height, scaled, seed):
    photo = photo_of(width, height, seed)
    ours = PhotoInput(SquareFraming(32, resize, scaled if resize == "crop" else 0), Normalisation(MEAN, STD))
    framed = ours.framing(photo)
    assert framed.shape == (32, 32, 3)
    assert framed.dtype == np.uint8
    (pixels,) = ours.normalised(framed[np.newaxis])
    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, torchvision_reference(resize, 32, scaled)(photo).numpy(), atol=1e-6)


def test_squash_keeps_what_crop_cuts_off():
    photo = Image.new("RGB", (96, 32))
    photo.paste((255, 255, 255), (0, 0, 20, 32))
    assert SquareFraming(32, "squash")(photo).max() == 255
    assert SquareFraming(32, "crop")(photo).max() == 0


def test_equal_framings_are_one():
    assert len({SquareFraming(32), SquareFraming(32, "squash"), SquareFraming(32, "crop")}) == 2


@given(width=st.integers(1, 5000), height=st.integers(1, 5000), resize=st.sampled_from(["squash", "crop"]))
def test_a_photo_keeps_twice_what_it_is_resized_to_or_itself(width, height, resize):
    framing = SquareFraming(32, resize, 36)
    least = framing.least_size((width, height))
    shorter = min(width, height)
    resized = (36, 36) if resize == "squash" else (36 * width // shorter, 36 * height // shorter)
    assert least == tuple(min(side, 2 * to) for side, to in zip((width, height), resized, strict=True))


@pytest.mark.parametrize(
    "wrong",
    [
        SquareFraming(32, "crop", 36, Image.Resampling.BILINEAR),
        SquareFraming(32, "crop", 35, Image.Resampling.BICUBIC),
        SquareFraming(32, "squash", 36, Image.Resampling.BICUBIC),
        SquareFraming(32, "crop", 36, Image.Resampling.BICUBIC, middle="lower"),
        SquareFraming(31, "crop", 36, Image.Resampling.BICUBIC),
        None,
    ],
)
def test_a_framing_that_is_not_the_librarys_is_not_believed(wrong):
    right = PhotoInput(SquareFraming(32, "crop", 36, Image.Resampling.BICUBIC), Normalisation(MEAN, STD))

    def library(photo):
        return right.normalised(right.framing(photo)[np.newaxis])[0]

    assert as_the_library(library, right) is right
    proposed = wrong and PhotoInput(wrong, right.normalisation)
    assert as_the_library(library, proposed) == PhotoInput(LibraryFraming(library))
    other_colours = PhotoInput(right.framing, Normalisation(MEAN, (0.229, 0.224, 0.226)))
    assert as_the_library(library, other_colours) == PhotoInput(LibraryFraming(library))


def test_a_librarys_framing_is_left_alone():
    framing = LibraryFraming(lambda photo: np.asarray(photo, dtype=np.float64).transpose(2, 0, 1))
    assert framing(photo_of(4, 3)).shape == (3, 3, 4)
    assert framing(photo_of(4, 3)).dtype == np.float32
    assert framing.least_size((4000, 3000)) == (4000, 3000)
    with pytest.raises(ModelError, match="one size"):
        frame_probes(framing)
