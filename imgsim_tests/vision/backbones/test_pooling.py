"""What of a model's last layers is the vector: as published, or as asked for, or refused with what there is."""

import numpy as np
import pytest
import timm
import torch
import transformers

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone
from imgsim_assets.vision.backbones.hf_pooling import choose_forward
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.timm_models import keeps_its_head, poolings
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.conftest import framed, normalised
from imgsim_tests.vision.backbones.model_files import SIDE

TINY = {"img_size": SIDE, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
SCALED = {"init_values": 1.0}  # as published all but nothing of the blocks would come to the class token, untrained
# By timm's name: how it is made small, its numbers of output as published, its pooling as published, and others.
TIMMS = {
    "vit_small_patch16_dinov3.lvd1689m": (TINY | SCALED, 0, "class_token", ["average"]),
    "vit_small_plus_patch16_dinov3.lvd1689m": (TINY | SCALED, 0, "class_token", ["average"]),
    "vit_pe_core_base_patch16_224.fb": (TINY | {"attn_pool_num_heads": 2}, 24, "projection", ["attention", "average"]),
    "vit_base_patch16_siglip_384.v2_webli": (TINY, 0, "attention", ["average"]),
    "vit_base_patch14_reg1_tipsv2.webli": (TINY, 0, "class_token", ["average"]),
    "vit_base_patch16_clip_224.openai": (TINY, 24, "projection", ["class_token", "average"]),
    "resnetv2_50.a1h_in1k": (model_files.SMALL_RESNET, 10, "average", []),
    "convnext_base.clip_laion2b": ({"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16]}, 24, "projection", ["average"]),
}


def by_hand(module, pixels, pooling):
    """The vector, spelled out from the tokens: prefix tokens are no patches."""
    features = module.forward_features(pixels)
    if pooling == "projection":
        return module(pixels)
    if features.ndim == 4:
        return module.forward_head(features, pre_logits=True)
    if pooling == "attention":
        return module.attn_pool(features)
    tokens = module.fc_norm(features)
    return tokens[:, 0] if pooling == "class_token" else tokens[:, module.num_prefix_tokens :].mean(1)


@pytest.mark.parametrize(
    ("name", "asked"), [(name, asked) for name, (_, _, own, others) in TIMMS.items() for asked in (None, own, *others)]
)
def test_timms_models_give_what_they_were_published_with_or_what_is_asked_for(name, asked, tmp_path, runtime, photos):
    model_args, classes, own, _ = TIMMS[name]
    architecture, _, tag = name.partition(".")
    folder = model_files.save_timm(tmp_path, architecture, tag, classes, model_args)
    model = load_backbone(Backbone(uri=f"timm:{folder}", pooling=asked), runtime, None)
    module = timm.create_model(
        architecture, num_classes=classes, checkpoint_path=str(folder / "model.safetensors"), **model_args
    )
    with torch.inference_mode():
        expected = by_hand(module.eval(), torch.from_numpy(normalised(model, photos)), asked or own)
    np.testing.assert_allclose(model.embed(framed(model, photos)), expected.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "asked", "known"),
    [
        ("vit_base_patch16_siglip_384.v2_webli", "class_token", "attention, average"),
        ("vit_base_patch16_siglip_384.v2_webli", "projection", "attention, average"),
        ("vit_small_patch16_dinov3.lvd1689m", "attention", "class_token, average"),
        ("resnetv2_50.a1h_in1k", "class_token", "average"),
    ],
)
def test_a_pooling_that_timms_model_has_not_is_refused_with_what_it_has(name, asked, known, tmp_path, runtime):
    model_args, classes, *_ = TIMMS[name]
    architecture, _, tag = name.partition(".")
    folder = model_files.save_timm(tmp_path, architecture, tag, classes, model_args)
    with pytest.raises(ModelError, match=f"a pooling that timm:{name} has: {known}; found pooling = '{asked}'"):
        load_backbone(Backbone(uri=f"timm:{folder}", pooling=asked), runtime, None)


def test_the_last_layer_of_every_published_projection_is_kept():
    """timm says how many numbers each gives: those of texts are few kinds, and no ImageNet has so many classes."""
    widths = {384, 512, 640, 768, 1024, 1152, 1280}
    for name in timm.list_pretrained():
        architecture, _, tag = name.partition(".")
        is_projection = timm.get_pretrained_cfg(name).num_classes in widths
        assert keeps_its_head(architecture, tag) == is_projection or timm.get_pretrained_cfg(name).num_classes == 0, (
            name
        )


def test_what_attends_over_places_offers_no_average():
    """OpenAI's ResNets pool by attention and project at once: there is nothing before it that is one vector."""
    assert poolings(timm.create_model("resnet50_clip", num_classes=24), projects=True) == ("projection",)
    assert poolings(timm.create_model("deit_tiny_distilled_patch16_224"), projects=False) == ()


@pytest.mark.parametrize(
    ("kind", "asked", "expected"),
    [
        ("small/clip", None, lambda whole, pixels: whole(pixel_values=pixels).image_embeds),
        ("small/clip", "projection", lambda whole, pixels: whole(pixel_values=pixels).image_embeds),
        ("small/clip", "class_token", lambda whole, pixels: whole.vision_model(pixel_values=pixels).pooler_output),
        (
            "small/clip",
            "average",
            lambda whole, pixels: whole.vision_model.post_layernorm(
                whole.vision_model(pixel_values=pixels).last_hidden_state[:, 1:]
            ).mean(1),
        ),
        ("small/siglip", "attention", lambda whole, pixels: whole(pixel_values=pixels).pooler_output),
        ("small/siglip", "average", lambda whole, pixels: whole(pixel_values=pixels).last_hidden_state.mean(1)),
        ("small/dinov2", "class_token", lambda whole, pixels: whole(pixel_values=pixels).pooler_output),
        ("small/dinov2", "average", lambda whole, pixels: whole(pixel_values=pixels).last_hidden_state[:, 1:].mean(1)),
    ],
)
def test_transformers_models_give_what_is_asked_for(kind, asked, expected, models, runtime, photos):
    model = load_backbone(Backbone(uri=f"hf:{kind}", pooling=asked), runtime, models)
    folder = models / kind if (models / kind).is_dir() else models / kind.replace("/", "--")
    whole = {
        "small/clip": transformers.CLIPVisionModelWithProjection,
        "small/siglip": transformers.SiglipVisionModel,
        "small/dinov2": transformers.Dinov2Model,
    }[kind].from_pretrained(folder)
    with torch.inference_mode():
        vectors = expected(whole, torch.from_numpy(normalised(model, photos)))
    np.testing.assert_allclose(model.embed(framed(model, photos)), vectors.numpy(), atol=1e-5)


def test_registers_are_no_patches():
    config = transformers.Dinov2WithRegistersConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=SIDE, patch_size=8, num_register_tokens=4
    )
    module = transformers.Dinov2WithRegistersModel(config).eval()
    pixels = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        tokens = module(pixel_values=pixels).last_hidden_state
        found = choose_forward(module, (), "average")(module, pixels)
    assert tokens.shape[1] == 1 + 4 + (SIDE // 8) ** 2
    torch.testing.assert_close(found, tokens[:, 5:].mean(1))


@pytest.mark.parametrize(
    ("kind", "asked", "known"),
    [
        ("small/clip", "attention", "projection, class_token, average"),
        ("small/siglip", "projection", "attention, average"),
        ("small/dinov2", "projection", "class_token, average"),
    ],
)
def test_a_pooling_that_transformers_model_has_not_is_refused_with_what_it_has(kind, asked, known, models, runtime):
    with pytest.raises(ModelError, match=f"a pooling that hf:{kind} has: {known}; found pooling = '{asked}'"):
        load_backbone(Backbone(uri=f"hf:{kind}", pooling=asked), runtime, models)


def test_another_pooling_is_another_vector_and_the_models_own_has_no_name():
    from imgsim_assets.settings import Settings
    from imgsim_assets.vision.content_names import model_identity, view_fingerprint

    own, other = (Backbone(uri="timm:x", revision=model_files.COMMIT, pooling=one) for one in (None, "average"))
    settings = Settings(backbones={"one": own})
    assert backbone_identity(own, None) == backbone_identity(other, None)
    assert "pooling" not in model_identity(settings, own)
    assert view_fingerprint(settings, own, "rgb") != view_fingerprint(settings, other, "rgb")
