"""Every architecture of images that transformers has: refused in words, or a vector that says what the photo shows."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone
from imgsim_assets.vision.backbones.hf_pooling import NOT_SUPPORTED, changes_of, check_architecture, choose_forward
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import Normalisation, PhotoInput, SquareFraming, frame_probes
from imgsim_assets.vision.backbones.torch_model import TorchBackbone
from imgsim_assets.vision.backbones.trial import try_out
from imgsim_assets.vision.sameness import farthest
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.conftest import framed, normalised

SIDE = 64
VIT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": 16,
}
STAGES = {"hidden_sizes": [16, 16, 32, 32], "depths": [1, 1, 1, 1]}
PYRAMID = {**STAGES, "num_attention_heads": [1, 2, 2, 2]}
WINDOWS = {
    "image_size": SIDE,
    "patch_size": 4,
    "embed_dim": 16,
    "depths": [1, 1],
    "num_heads": [2, 2],
    "window_size": 4,
}
EFFICIENT = {"image_size": SIDE, "width_coefficient": 0.25, "depth_coefficient": 0.1, "hidden_dim": 320}
HIERA = {"patch_size": [7, 7], "patch_stride": [4, 4], "patch_padding": [3, 3], "num_heads": [1, 1, 2, 2]}
SMALL = {
    "aimv2_vision_model": VIT,
    "beit": VIT,
    "bit": {**STAGES, "embedding_size": 16, "num_groups": 8},
    "chinese_clip_vision_model": VIT,
    "clip_vision_model": VIT,
    "convnext": STAGES,
    "convnextv2": STAGES,
    "data2vec-vision": VIT,
    "deit": VIT,
    "dinov2": {**VIT, "mlp_ratio": 2},
    "dinov2_with_registers": {**VIT, "mlp_ratio": 2},
    "dinov3_convnext": STAGES,
    "dinov3_vit": VIT,
    "dpt": {**VIT, "backbone_out_indices": [0, 1, 1, 1], "neck_hidden_sizes": [8, 8, 8, 8]},
    "efficientnet": EFFICIENT,
    "focalnet": {**STAGES, "image_size": SIDE, "embed_dim": 16},
    "glpn": PYRAMID,
    "hiera": {**HIERA, "embed_dim": 16, "image_size": [SIDE, SIDE], "depths": [1, 1, 1, 1], "mlp_ratio": 2.0},
    "idefics3_vision": VIT,
    "ijepa": VIT,
    "internvl_vision": VIT,
    "levit": {
        "image_size": SIDE,
        "hidden_sizes": [32, 32, 32],
        "num_attention_heads": [2, 2, 2],
        "depths": [1, 1, 1],
        "key_dim": [8, 8, 8],
    },
    "mlcd_vision_model": VIT,
    "mobilenet_v1": {"depth_multiplier": 0.25},
    "mobilenet_v2": {"depth_multiplier": 0.25},
    "mobilevit": {
        "image_size": SIDE,
        "hidden_sizes": [16, 24, 32],
        "neck_hidden_sizes": [8, 8, 16, 16, 24, 32, 64],
    },
    "mobilevitv2": {"image_size": SIDE, "width_multiplier": 0.25},
    "pixio": VIT,
    "poolformer": STAGES,
    "pvt": {**PYRAMID, "image_size": SIDE},
    "pvt_v2": {**PYRAMID, "image_size": SIDE},
    "regnet": {**STAGES, "embedding_size": 16, "groups_width": 8},
    "resnet": {**STAGES, "embedding_size": 16},
    "segformer": PYRAMID,
    "siglip_vision_model": VIT,
    "swiftformer": {"image_size": SIDE, "depths": [1, 1, 1, 1], "embed_dims": [16, 16, 32, 32]},
    "swin": WINDOWS,
    "swin2sr": {**WINDOWS, "patch_size": 1},
    "swinv2": WINDOWS,
    "tipsv2_vision_model": VIT,
    "vit": VIT,
    "vit_mae": VIT,
    "vit_msn": VIT,
    "vitdet": VIT,
    "yolos": {**VIT, "image_size": [SIDE, SIDE]},
}
# With random weights all that they give is zero to float32: the weights are made larger.
FAINT = {"efficientnet": 256, "mobilevit": 8, "mobilevitv2": 8}
SQUARE = PhotoInput(SquareFraming(SIDE), Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))


def build(kind: str, **others) -> torch.nn.Module:
    if kind not in transformers.CONFIG_MAPPING:
        pytest.skip(f"this version of the library has no {kind}")
    torch.manual_seed(0)
    config = transformers.CONFIG_MAPPING[kind](**{**SMALL[kind], **others, **changes_of(kind)})
    module = transformers.AutoModel.from_config(config).eval()
    with torch.no_grad():
        for matrix in (one for one in module.parameters() if one.ndim > 1):
            matrix.mul_(FAINT.get(kind, 1))
    return module


def backbone_of(module, runtime, missing=()) -> TorchBackbone:
    forward = choose_forward(module, missing)
    assert forward is not None
    return TorchBackbone(module, SQUARE, torch.device("cpu"), runtime, forward)


@pytest.mark.parametrize("kind", SMALL)
def test_vectors_depend_on_every_part_of_the_photo_and_on_nothing_else(kind, runtime):
    check_architecture(kind, kind)
    model = backbone_of(build(kind), runtime)
    try_out(model, kind)
    pictures = frame_probes(model.framing)
    together, again = model.embed(pictures), model.embed(pictures)
    np.testing.assert_array_equal(together, again)
    alone = np.concatenate([model.embed(one[np.newaxis]) for one in pictures])
    np.testing.assert_allclose(alone, together, atol=1e-5 * np.abs(together).max())
    half = SIDE // 2
    for top in (0, half):
        for left in (0, half):
            changed = pictures[:1].copy()
            changed[:, top : top + half, left : left + half] ^= 255
            moved = farthest(np.concatenate([together[:1], model.embed(changed)]))
            assert moved > 0.02, f"{kind} does not see rows from {top} on, columns from {left} on"


@pytest.mark.parametrize("kind", NOT_SUPPORTED)
def test_what_has_no_vector_of_a_photo_is_refused_in_words(kind):
    with pytest.raises(ModelError, match=f"'{kind}', a "):
        check_architecture("some/model", kind)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("ijepa", lambda output: output.last_hidden_state.mean(1)),
        ("segformer", lambda output: output.last_hidden_state.mean((2, 3))),
        ("vit_msn", lambda output: output.last_hidden_state[:, 0]),
        ("pvt", lambda output: output.last_hidden_state[:, 0]),
        ("dinov2_with_registers", lambda output: output.last_hidden_state[:, 0]),
        ("dinov3_vit", lambda output: output.pooler_output),
        ("convnext", lambda output: output.pooler_output),
        ("resnet", lambda output: output.last_hidden_state.mean((2, 3))),
        ("swin", lambda output: output.last_hidden_state.mean(1)),
    ],
)
def test_what_is_taken_of_the_output(kind, expected, runtime):
    module = build(kind)
    model = backbone_of(module, runtime)
    pictures = frame_probes(model.framing)
    with torch.inference_mode():
        output = module(pixel_values=torch.from_numpy(SQUARE.normalised(pictures)).contiguous())
    np.testing.assert_allclose(model.embed(pictures), expected(output).numpy(), atol=1e-5)


@pytest.mark.parametrize(("kind", "others"), [("siglip_vision_model", {"vision_use_head": False}), ("levit", {})])
def test_without_class_token_and_pooler_patches_are_averaged(kind, others, runtime):
    module = build(kind, **others)
    model = backbone_of(module, runtime, missing=["pooler.dense.weight"])
    pictures = frame_probes(model.framing)
    with torch.inference_mode():
        output = module(pixel_values=torch.from_numpy(SQUARE.normalised(pictures)).contiguous())
    np.testing.assert_allclose(model.embed(pictures), output.last_hidden_state.mean(1).numpy(), atol=1e-5)


def save(kind: str, folder, processor) -> str:
    build(kind).save_pretrained(folder)
    processor.save_pretrained(folder)
    return f"hf:{folder}"


def test_a_masked_autoencoder_sees_the_whole_photo(tmp_path, runtime, photos):
    """Its class token is that of a vision transformer with the same weights, which masks nothing."""
    uri = save("vit_mae", tmp_path / "mae", transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE}))
    config = json.loads((tmp_path / "mae" / "config.json").read_text())
    (tmp_path / "mae" / "config.json").write_text(json.dumps({**config, "mask_ratio": 0.75}))
    model = load_backbone(Backbone(uri=uri), runtime, None)
    plain = transformers.ViTMSNModel.from_pretrained(
        tmp_path / "mae", config=transformers.ViTMSNConfig(**SMALL["vit_mae"], layer_norm_eps=config["layer_norm_eps"])
    ).eval()
    batch = framed(model, photos)
    with torch.inference_mode():
        expected = plain(pixel_values=torch.from_numpy(normalised(model, photos))).last_hidden_state[:, 0]
    np.testing.assert_allclose(model.embed(batch), expected.numpy(), atol=1e-5)
    again = load_backbone(Backbone(uri=uri), runtime, None)
    np.testing.assert_array_equal(model.embed(batch), again.embed(batch))


def test_a_naflex_model_is_refused_in_words(tmp_path, runtime):
    tower = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.Siglip2Config(
        vision_config={**tower, "num_patches": 16, "patch_size": 16}, text_config={**tower, "vocab_size": 50}
    )
    transformers.Siglip2Model(config).save_pretrained(tmp_path)
    transformers.Siglip2ImageProcessor(patch_size=16, max_num_patches=16).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="'siglip2', a NaFlex model"):
        load_backbone(Backbone(uri=f"hf:{tmp_path}"), runtime, None)


def test_a_folder_as_transformers_5_writes_it_loads_as_an_older_one_does(tmp_path, runtime, photos):
    """The image processor within a processor of photos and texts, and no file of its own."""
    older = model_files.save_clip(tmp_path / "older")
    newer = shutil.copytree(older, tmp_path / "newer")
    settings = json.loads((newer / "preprocessor_config.json").read_text())
    (newer / "preprocessor_config.json").unlink()
    (newer / "processor_config.json").write_text(
        json.dumps({"image_processor": settings, "processor_class": "CLIPProcessor"})
    )
    one, other = (load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None) for folder in (older, newer))
    assert one.framing == other.framing
    np.testing.assert_array_equal(one.embed(framed(one, photos)), other.embed(framed(other, photos)))


def test_a_folder_without_either_processor_is_refused(tmp_path, runtime):
    folder = model_files.save_clip(tmp_path)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match=r"preprocessor_config\.json or processor_config\.json in .*no such file"):
        load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)


def test_what_masks_at_random_is_refused(tmp_path, runtime, monkeypatch):
    """Also where nothing is known of the architecture: one picture twice tells it."""
    monkeypatch.setattr("imgsim_assets.vision.backbones.hf_pooling.MASKED", "another")
    uri = save("vit_mae", tmp_path / "mae", transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE}))
    with pytest.raises(ModelError, match="another vector each time of one picture"):
        load_backbone(Backbone(uri=uri), runtime, None)
