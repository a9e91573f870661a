import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision import transforms

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone
from imgsim_assets.vision import compact
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_tests.vision.backbones.conftest import framed, normalised


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Random weights in place of the shipped ones, so that this does not wait for a training run."""
    monkeypatch.setattr(compact, "WEIGHTS", tmp_path)
    for name in compact.COMPACT_NAMES:
        torch.manual_seed(0)
        tensors = compact.build_compact(name).module.state_dict()
        save_file({key: value.contiguous() for key, value in tensors.items()}, tmp_path / f"{name}.safetensors")
    return tmp_path


@pytest.mark.parametrize("name", compact.COMPACT_NAMES)
def test_vectors_are_the_modules_own(name, weights, runtime, photos):
    model = load_backbone(Backbone(uri=f"compact:{name}"), runtime, None)
    plain = compact.load_compact(name)
    own = transforms.Compose(
        [
            transforms.Resize((plain.size, plain.size)),
            transforms.ToTensor(),
            transforms.Normalize(plain.mean, plain.std),
        ]
    )
    pixels = torch.stack([own(photo) for photo in photos])
    batch = framed(model, photos)
    with torch.inference_mode():
        expected = plain.module(pixels).numpy()

    assert model.dimension == plain.dimension == expected.shape[1]
    np.testing.assert_allclose(normalised(model, photos), pixels.numpy(), atol=2e-6)
    np.testing.assert_allclose(model.embed(batch), expected, atol=2e-4 * np.abs(expected).max())
    alone = np.concatenate([model.embed(batch[i : i + 1]) for i in range(len(batch))])
    np.testing.assert_allclose(model.embed(batch), alone, atol=1e-5 * np.abs(alone).max())


def test_they_are_known_by_their_weights(weights):
    clip = Backbone(uri="compact:clip")
    before = backbone_identity(clip, None)
    assert set(before) == {"files", "revision", "framing"}
    assert before != backbone_identity(Backbone(uri="compact:vit_clip"), None)
    path = weights / "clip.safetensors"
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    assert backbone_identity(clip, None) != before


def test_absent_weights_are_missing_for_the_graph_and_an_error_for_the_loader(tmp_path, monkeypatch, runtime):
    monkeypatch.setattr(compact, "WEIGHTS", tmp_path)
    assert backbone_identity(Backbone(uri="compact:clip"), None) == {"missing": "compact:clip"}
    with pytest.raises(ModelError, match=r"clip\.safetensors"):
        load_backbone(Backbone(uri="compact:clip"), runtime, None)


def test_an_unknown_name_lists_the_known_ones(runtime):
    assert backbone_identity(Backbone(uri="compact:nobody"), None) == {"missing": "compact:nobody"}
    with pytest.raises(ModelError, match="clip, vit_clip, resnet50v2"):
        load_backbone(Backbone(uri="compact:nobody"), runtime, None)
