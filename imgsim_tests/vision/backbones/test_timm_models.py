import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.data import create_transform
from torchvision import transforms

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.backbones.timm_models import keeps_its_head
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.conftest import framed, normalised
from imgsim_tests.vision.backbones.model_files import SIDE, SMALL_RESNET, SMALL_VIT

CLIP = "timm:vit_base_patch16_clip_224.openai"
QUICKGELU = "timm:vit_base_patch16_clip_quickgelu_224.openai"
RESNET = "timm:resnetv2_50.a1h_in1k"


@pytest.mark.parametrize("uri", [CLIP, RESNET])
def test_preprocessing_is_timms_own(uri, models, runtime, photos):
    model = load_backbone(Backbone(uri=uri), runtime, models)
    own = create_transform(
        input_size=(3, SIDE, SIDE), interpolation="bicubic", crop_pct=0.9, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3)
    )
    by_hand = transforms.Compose(
        [
            transforms.Resize(int(SIDE / 0.9), transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(SIDE),
            transforms.ToTensor(),
            transforms.Normalize((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)),
        ]
    )
    assert isinstance(model.framing, SquareFraming)
    for photo, pixels in zip(photos, normalised(model, photos), strict=True):
        np.testing.assert_allclose(pixels, own(photo).numpy(), atol=1e-6)
        np.testing.assert_allclose(pixels, by_hand(photo).numpy(), atol=1e-6)


def test_a_clip_tower_keeps_its_projection(models, runtime, photos):
    model = load_backbone(Backbone(uri=CLIP), runtime, models)
    plain = timm.create_model("vit_base_patch16_clip_224", num_classes=24, **SMALL_VIT).eval()
    plain.load_state_dict(load_file(models / "timm" / "vit_base_patch16_clip_224.openai" / "model.safetensors"))
    with torch.inference_mode():
        expected = plain(torch.from_numpy(normalised(model, photos)))
    assert model.dimension == 24
    np.testing.assert_allclose(model.embed(framed(model, photos)), expected.numpy(), atol=1e-5)


def test_quickgelu_is_the_same_weights_with_the_other_activation(models, runtime, photos):
    model = load_backbone(Backbone(uri=QUICKGELU), runtime, models)
    plain = timm.create_model("vit_base_patch16_clip_quickgelu_224", num_classes=24, **SMALL_VIT).eval()
    plain.load_state_dict(load_file(models / "timm" / "vit_base_patch16_clip_224.openai" / "model.safetensors"))
    batch = framed(model, photos)
    with torch.inference_mode():
        expected = plain(torch.from_numpy(normalised(model, photos)))
    np.testing.assert_allclose(model.embed(batch), expected.numpy(), atol=1e-5)
    other = load_backbone(Backbone(uri=CLIP), runtime, models)
    assert not np.allclose(other.embed(batch), expected.numpy(), atol=1e-4)


def test_a_classifier_is_cut_off(models, runtime, photos):
    model = load_backbone(Backbone(uri=RESNET), runtime, models)
    plain = timm.create_model("resnetv2_50", num_classes=10, **SMALL_RESNET).eval()
    plain.load_state_dict(load_file(models / "timm--resnetv2_50.a1h_in1k" / "model.safetensors"))
    plain.reset_classifier(0)
    with torch.inference_mode():
        expected = plain(torch.from_numpy(normalised(model, photos)))
    assert model.dimension == plain.num_features
    np.testing.assert_allclose(model.embed(framed(model, photos)), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "tag", "keeps"),
    [
        ("vit_base_patch16_clip_224", "openai", True),
        ("vit_base_patch16_clip_quickgelu_224", "dfn2b", True),
        ("convnext_base", "clip_laion2b", True),
        ("vit_base_patch16_clip_224", "laion2b_ft_in12k_in1k", False),
        ("vit_base_patch16_224", "augreg_in21k", False),
        ("resnetv2_50", "a1h_in1k", False),
    ],
)
def test_only_clips_own_projection_is_kept(architecture, tag, keeps):
    assert keeps_its_head(architecture, tag) is keeps


@pytest.mark.parametrize("spoil", ["other weights", "one missing", "unknown architecture", "truncated", "not JSON"])
def test_files_that_do_not_fit_are_refused(spoil, tmp_path: Path, runtime):
    folder = model_files.save_timm_resnet(tmp_path)
    weights, config = folder / "model.safetensors", folder / "config.json"
    if spoil == "other weights":
        save_file({"something.weight": torch.zeros(3)}, weights)
    elif spoil == "one missing":
        tensors = load_file(weights)
        del tensors["norm.weight"]
        save_file(tensors, weights)
    elif spoil == "unknown architecture":
        config.write_text(json.dumps({**json.loads(config.read_text()), "architecture": "resnet_of_nobody"}))
    elif spoil == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        config.write_text("{")
    with pytest.raises(ModelError, match="timm weights"):
        load_backbone(Backbone(uri=f"timm:{folder}"), runtime, None)


def test_a_hub_name_may_be_written_in_full(models, runtime):
    assert load_backbone(Backbone(uri="timm:timm/resnetv2_50.a1h_in1k"), runtime, models).dimension == 32


def test_batch_size_does_not_show_in_the_vectors(models, runtime, photos):
    for uri in (CLIP, RESNET):
        model = load_backbone(Backbone(uri=uri), runtime, models)
        batch = framed(model, photos)
        alone = np.concatenate([model.embed(batch[i : i + 1]) for i in range(len(batch))])
        np.testing.assert_allclose(model.embed(batch), alone, atol=1e-5)
