"""What can be trained, and how large the photos are that it is shown then."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone, FineTuning, Runtime
from imgsim_assets.vision.compact import COMPACT_NAMES, SIZE
from imgsim_assets.vision.fine_tuning.loading import load_trainable, load_trained
from imgsim_tests.vision.backbones.model_files import SIDE, save_clip, save_timm_clip, save_timm_resnet

RUNTIME = Runtime(precision="float32")


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPACT_NAMES)
def test_compact_backbones_are_shown_larger_photos(name: str):
    backbone = Backbone(uri=f"compact:{name}")
    model, framing = load_trainable(backbone, FineTuning(), RUNTIME, None)
    assert framing.size == 1.5 * SIZE
    assert model.framing == framing
    vectors = model.embed(np.random.default_rng(0).integers(0, 256, (2, framing.size, framing.size, 3), dtype=np.uint8))
    assert vectors.shape == (2, model.dimension)
    assert load_trainable(backbone, FineTuning(enlarge=1), RUNTIME, None)[1].size == SIZE


@pytest.mark.slow
def test_other_backbones_see_photos_of_their_size_unless_told_otherwise(tmp_path: Path):
    save_timm_resnet(tmp_path / "small")
    backbone = Backbone(uri=f"timm:{tmp_path / 'small'}")
    _, usual = load_trainable(backbone, FineTuning(), RUNTIME, None)
    _, larger = load_trainable(backbone, FineTuning(enlarge=2.0), RUNTIME, None)
    assert (usual.size, larger.size) == (SIDE, 2 * SIDE)
    assert larger.scaled == 2 * usual.scaled


def test_trained_networks_are_shown_what_they_were_trained_on(tmp_path: Path):
    save_timm_resnet(tmp_path / "small")
    backbone = Backbone(uri=f"timm:{tmp_path / 'small'}")
    trained_on = load_trainable(backbone, FineTuning(enlarge=1.5), RUNTIME, None)[1]
    assert load_trained(backbone, trained_on.size, RUNTIME, None).framing == trained_on
    assert load_trained(backbone, SIDE, RUNTIME, None).framing.size == SIDE


@pytest.mark.parametrize(("kind", "save"), [("hf", save_clip), ("timm", save_timm_clip)])
def test_a_network_of_one_size_says_so(tmp_path: Path, kind: str, save: Callable[[Path], Path]):
    save(tmp_path / "small")
    with pytest.raises(ModelError, match=r"48 pixels.*fine_tuning\.enlarge"):
        load_trainable(Backbone(uri=f"{kind}:{tmp_path / 'small'}"), FineTuning(enlarge=1.5), RUNTIME, None)


def test_what_is_no_torch_model_is_not_trained():
    with pytest.raises(ModelError, match="fine_tune = true"):
        load_trainable(Backbone(uri="classic:colour"), FineTuning(), RUNTIME, None)
