from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision import transforms

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import LibraryFraming, SquareFraming
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.conftest import framed, normalised
from imgsim_tests.vision.backbones.model_files import SIDE

KINDS = ["small/clip", "small/siglip", "small/dinov2"]


def folder_of(name: str, models: Path) -> Path:
    return next(path for path in (models / name, models / name.replace("/", "--")) if path.is_dir())


@pytest.mark.parametrize("name", KINDS)
def test_preprocessing_is_transformers_own_without_its_code(name, models, runtime, photos):
    model = load_backbone(Backbone(uri=f"hf:{name}"), runtime, models)
    own = transformers.AutoImageProcessor.from_pretrained(folder_of(name, models), backend="pil")
    expected = np.stack([own(images=photo, return_tensors="np")["pixel_values"][0] for photo in photos])

    assert isinstance(model.framing, SquareFraming)
    assert framed(model, photos).dtype == np.uint8
    np.testing.assert_allclose(normalised(model, photos), expected, atol=1e-6)


@pytest.mark.parametrize("unusual", [{"do_rescale": False}, {"rescale_factor": 1 / 127.5}, {"do_normalize": False}])
def test_unusual_preprocessing_is_left_to_transformers(unusual, tmp_path, runtime, photos):
    """Nothing of it is guessed: the library's own code goes on, and gives what it gives."""
    folder = model_files.save_clip(tmp_path)
    sizes = {"size": {"shortest_edge": SIDE}, "crop_size": SIDE}
    transformers.CLIPImageProcessor(**sizes, **unusual).save_pretrained(folder)
    own = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)
    assert isinstance(model.framing, LibraryFraming)
    for photo in photos:
        np.testing.assert_array_equal(model.framing(photo), own(images=photo, return_tensors="np")["pixel_values"][0])


def test_clip_preprocessing_is_what_clip_was_published_with(models, runtime, photos):
    """OpenAI's own transform: resize the shorter side (bicubic), crop the centre, scale, normalise."""
    model = load_backbone(Backbone(uri="hf:small/clip"), runtime, models)
    published = transforms.Compose(
        [
            transforms.Resize(SIDE, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(SIDE),
            transforms.ToTensor(),
            transforms.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ]
    )
    # Where the margin is odd, the two libraries' centres are half a pixel apart; here it is even.
    even = [photo for photo in photos if (SIDE * max(photo.size) // min(photo.size) - SIDE) % 2 == 0]
    assert len(even) >= 4
    for photo in even:
        np.testing.assert_allclose(normalised(model, [photo])[0], published(photo).numpy(), atol=2e-6)


@pytest.mark.parametrize(("name", "dimension"), [("small/clip", 24), ("small/siglip", 32), ("small/dinov2", 32)])
def test_vectors_are_the_librarys_own(name, dimension, models, runtime, photos):
    model = load_backbone(Backbone(uri=f"hf:{name}"), runtime, models)
    batch = framed(model, photos)
    vectors = model.embed(batch)

    whole = {
        "small/clip": transformers.CLIPVisionModelWithProjection,
        "small/siglip": transformers.SiglipModel,
        "small/dinov2": transformers.Dinov2Model,
    }[name].from_pretrained(folder_of(name, models))
    with torch.inference_mode():
        pixels = torch.from_numpy(normalised(model, photos))
        expected = {
            "small/clip": lambda: whole(pixel_values=pixels).image_embeds,
            "small/siglip": lambda: whole.get_image_features(pixel_values=pixels).pooler_output,
            "small/dinov2": lambda: whole(pixel_values=pixels).pooler_output,
        }[name]()

    assert model.dimension == dimension
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected.numpy(), atol=1e-5)


def test_a_checkpoint_without_pooler_gives_its_class_token(tmp_path, runtime, photos):
    config = transformers.ViTConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, image_size=SIDE, patch_size=8
    )
    bare = transformers.ViTModel(config, add_pooling_layer=False).eval()
    bare.save_pretrained(tmp_path)
    transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(tmp_path)

    model = load_backbone(Backbone(uri=f"hf:{tmp_path}"), runtime, None)
    batch = framed(model, photos)
    with torch.inference_mode():
        expected = bare(pixel_values=torch.from_numpy(normalised(model, photos))).last_hidden_state[:, 0]
    np.testing.assert_allclose(model.embed(batch), expected.numpy(), atol=1e-5)


def test_half_precision_weights_are_run_in_float32(tmp_path, runtime, photos):
    folder = model_files.save_clip(tmp_path)
    half = transformers.CLIPVisionModelWithProjection.from_pretrained(folder).half()
    half.save_pretrained(folder)

    model = load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)
    batch = framed(model, photos)
    with torch.inference_mode():
        expected = half.float()(pixel_values=torch.from_numpy(normalised(model, photos))).image_embeds
    np.testing.assert_allclose(model.embed(batch), expected.numpy(), atol=1e-5)


def test_weights_of_another_model_are_refused(tmp_path, runtime):
    folder = model_files.save_clip(tmp_path)
    save_file({"something.weight": torch.zeros(3)}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"fit its config\.json"):
        load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)


def test_one_missing_tensor_is_refused(tmp_path, runtime):
    folder = model_files.save_clip(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"visual_projection\.weight"):
        load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)


def test_a_truncated_file_is_refused(tmp_path, runtime):
    folder = model_files.save_clip(tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"fit its config\.json"):
        load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)


def test_code_beside_the_weights_is_not_run(tmp_path, runtime):
    folder = model_files.save_clip(tmp_path / "model")
    config = (folder / "config.json").read_text()
    planted = '"auto_map": {"AutoConfig": "planted.Planted", "AutoModel": "planted.Planted"}, "model_type": "planted"'
    (folder / "config.json").write_text(config.replace('"model_type": "clip_vision_model"', planted))
    (folder / "planted.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(ModelError):
        load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)
    assert not (tmp_path / "ran").exists()


def test_a_model_without_a_fixed_input_size_is_refused(tmp_path, runtime):
    folder = model_files.save_clip(tmp_path)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": SIDE}, do_center_crop=False)
    processor.save_pretrained(folder)
    with pytest.raises(ModelError):
        load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)


def test_batch_size_does_not_show_in_the_vectors(models, runtime, photos):
    model = load_backbone(Backbone(uri="hf:small/clip"), runtime, models)
    batch = framed(model, photos)
    alone = np.concatenate([model.embed(batch[i : i + 1]) for i in range(len(batch))])
    np.testing.assert_allclose(model.embed(batch), alone, atol=1e-5)
    assert not np.allclose(alone[0], alone[1], atol=1e-3)


def test_an_absent_device_is_named(models):
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(ModelError.__mro__[1], match="cuda"):
        load_backbone(Backbone(uri="hf:small/clip"), Runtime(device="cuda", threads=1), models)


def test_preprocessing_is_the_same_in_many_threads(models, runtime, photos):
    from concurrent.futures import ThreadPoolExecutor

    model = load_backbone(Backbone(uri="hf:small/clip"), runtime, models)
    many: list[Image.Image] = photos * 8
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(model.framing, many))
    for got, photo in zip(threaded, many, strict=True):
        np.testing.assert_array_equal(got, model.framing(photo))
