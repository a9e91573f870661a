import numpy as np
import pytest

from imgsim_assets.errors import ModelError
from imgsim_assets.vision.compact import COMPACT_NAMES, build_compact, compact_weights, load_compact
from imgsim_assets.vision.drawing.sample import KINDS, draw_sample_photo
from imgsim_tests.vision.drawing.measures import cosine_map_at_10
from imgsim_workshop.centring import as_input

MEGABYTES_TOGETHER = 25


@pytest.mark.parametrize("name", COMPACT_NAMES)
def test_a_backbone_maps_batches_to_vectors(name):
    import torch

    model = build_compact(name)
    assert not model.module.training
    with torch.inference_mode():
        vectors = model.module(torch.randn(3, 3, model.size, model.size))
    assert tuple(vectors.shape) == (3, model.dimension)
    assert vectors.dtype == torch.float32


@pytest.mark.parametrize("name", COMPACT_NAMES)
def test_a_larger_picture_is_averaged_down_to_as_many_places(name):
    import torch

    torch.manual_seed(0)
    model = build_compact(name)
    with torch.inference_mode():
        vector, other = (model.module(torch.full((1, 3, side, side), 0.5))[0] for side in (model.size, 2 * model.size))
    # Of one colour, it differs by what the borders do only.
    assert other.shape == vector.shape
    assert torch.nn.functional.cosine_similarity(vector, other, dim=0) > 0.9


def test_the_families_are_what_they_say():
    assert COMPACT_NAMES == ("clip", "vit_clip", "resnet50v2")
    kinds = {name: {type(module).__name__ for module in build_compact(name).module.modules()} for name in COMPACT_NAMES}
    assert "CLIPVisionModelWithProjection" in kinds["clip"]
    assert "VisionTransformer" in kinds["vit_clip"]
    assert "ResNetV2" in kinds["resnet50v2"]


@pytest.mark.parametrize("ask", [build_compact, compact_weights, load_compact])
def test_an_unknown_name_is_refused_with_the_known_ones(ask):
    with pytest.raises(ModelError, match="clip, vit_clip, resnet50v2"):
        ask("vgg16")


def test_absent_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("imgsim_assets.vision.compact.WEIGHTS", tmp_path)
    with pytest.raises(ModelError, match=r"clip\.safetensors"):
        load_compact("clip")


def test_weights_of_another_backbone_are_refused():
    with pytest.raises(ModelError, match="compact:clip"):
        load_compact("clip", compact_weights("vit_clip"))


def test_the_shipped_weights_are_small_enough():
    assert sum(compact_weights(name).stat().st_size for name in COMPACT_NAMES) <= MEGABYTES_TOGETHER * 1_000_000


@pytest.fixture(scope="module")
def photos():
    """Four photos of each of thirty kinds; of a seed that nothing was chosen on."""
    labels = list(KINDS)[:90:3]
    return [draw_sample_photo(label, index, seed=11) for label in labels for index in range(4)]


def vectors_of(name, photos):
    import cv2
    import torch

    model = load_compact(name)
    small = np.stack([cv2.resize(photo, (112, 112), interpolation=cv2.INTER_AREA) for photo in photos])
    with torch.inference_mode():
        return model.module(as_input(small, model)).numpy()


def leave_one_out(vectors):
    """MAP@10 of the last photo of each kind against the first three of all."""
    queries = np.arange(len(vectors)) % 4 == 3
    labels = np.arange(len(vectors)) // 4
    return cosine_map_at_10(vectors[queries], vectors[~queries], labels[queries], labels[~queries])


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPACT_NAMES)
def test_shipped_weights_know_more_than_pixels(name, photos):
    import cv2

    pixels = np.stack([cv2.resize(photo, (32, 32)).ravel() - 128.0 for photo in photos])
    vectors = vectors_of(name, photos)
    assert np.isfinite(vectors).all()
    assert leave_one_out(vectors) > 2 * leave_one_out(pixels) + 0.05
