"""Where model files are found, and what is said when they are not. No test here reaches the network."""

import json
import shutil
import threading
from pathlib import Path

import pytest

from imgsim_assets.errors import ModelError, SettingsError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.model_files import COMMIT, hub_cache_folder

PINNED = Backbone(uri="hf:some/clip", revision=COMMIT)
ONLINE = Runtime(device="cpu", threads=1, offline=False)


def test_a_commit_in_the_hubs_cache_loads_without_a_connection(hub_cache, connections):
    """Also when asking is allowed: what is here already is never asked for."""
    model_files.save_clip(hub_cache_folder(hub_cache, "some/clip"))
    model_files.save_timm_resnet(hub_cache_folder(hub_cache, "timm/resnetv2_50.a1h_in1k"))

    assert load_backbone(PINNED, ONLINE, None).dimension == 24
    assert load_backbone(Backbone(uri="timm:resnetv2_50.a1h_in1k", revision=COMMIT), ONLINE, None).dimension == 32
    assert connections == []


@pytest.mark.parametrize("layout", ["some/clip", "some--clip", f"models--some--clip/snapshots/{COMMIT}"])
def test_every_layout_of_a_local_folder_loads_without_a_connection(layout, tmp_path, hub_cache, connections):
    model_files.save_clip(tmp_path / "models" / layout)
    assert load_backbone(PINNED, ONLINE, tmp_path / "models").dimension == 24
    assert connections == []


@pytest.mark.parametrize(
    "uri", ["hf:small/clip", "hf:small/siglip", "hf:small/dinov2", "timm:vit_base_patch16_clip_224.openai"]
)
def test_a_folder_in_the_folder_of_models_needs_no_revision_and_no_connection(uri, models, hub_cache, connections):
    assert load_backbone(Backbone(uri=uri), ONLINE, models).dimension in {24, 32}
    assert connections == []
    # transformers asks the hub in the background for a converted copy of weights that it finds pickled.
    assert not [thread.name for thread in threading.enumerate() if "conversion" in thread.name]


def test_pickles_in_the_cache_do_not_hide_the_commits_safetensors(tmp_path, hub, hub_cache, runtime):
    hub.push("some/clip", model_files.save_clip(tmp_path / "whole"), COMMIT)
    cached = model_files.save_clip(hub_cache_folder(hub_cache, "some/clip"))
    (cached / "model.safetensors").rename(cached / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors and settings are not all in the hub's cache"):
        load_backbone(PINNED, runtime, None)
    assert load_backbone(PINNED, ONLINE, None).dimension == 24


def test_a_path_may_be_relative(tmp_path, monkeypatch, hub_cache):
    model_files.save_clip(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert load_backbone(Backbone(uri="hf:./mine"), ONLINE, None).dimension == 24


def test_shards_load_as_one_file_does(tmp_path, runtime, photos):
    import numpy as np
    import transformers

    whole = model_files.save_clip(tmp_path / "whole")
    module = transformers.CLIPVisionModelWithProjection.from_pretrained(whole)
    sharded = tmp_path / "sharded"
    module.save_pretrained(sharded, max_shard_size="20KB")
    shutil.copy(whole / "preprocessor_config.json", sharded)
    assert len(list(sharded.glob("model-*-of-*.safetensors"))) > 1

    one, many = (load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None) for folder in (whole, sharded))
    pixels = one.framing(photos[0])[np.newaxis]
    np.testing.assert_array_equal(one.embed(pixels), many.embed(pixels))

    min(sharded.glob("model-*-of-*.safetensors")).unlink()
    with pytest.raises(ModelError, match="model-00001-of"):
        load_backbone(Backbone(uri=f"hf:{sharded}"), runtime, None)


@pytest.mark.parametrize("switch", ["setting", "hub"])
def test_offline_nothing_is_tried_and_the_command_is_said(switch, hub_cache, connections, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", switch == "hub")
    runtime = Runtime(device="cpu", threads=1, offline=switch == "setting")
    command = f'hf download some/clip --revision {COMMIT} --include "config.json" "preprocessor_config.json"'
    with pytest.raises(ModelError) as caught:
        load_backbone(PINNED, runtime, None)
    assert command in caught.value.mend
    assert f"some/clip at commit {COMMIT}" in caught.value.expected
    assert connections == []


def test_offline_an_incomplete_cache_is_not_completed(hub_cache, connections, runtime):
    folder = model_files.save_clip(hub_cache_folder(hub_cache, "some/clip"))
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match="hf download some/clip"):
        load_backbone(PINNED, runtime, None)
    assert connections == []


def test_a_hub_out_of_reach_is_a_clear_error(hub_cache, connections, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it is waited for another attempt"))
    with pytest.raises(ModelError, match=r"the hub cannot be reached .*hf download some/clip"):
        load_backbone(PINNED, ONLINE, None)
    assert connections


@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:7], COMMIT.upper()])
def test_a_hub_name_must_be_pinned(revision, hub_cache, connections, tmp_path):
    with pytest.raises(SettingsError, match="pinned revision") as caught:
        load_backbone(Backbone(uri="hf:some/clip", revision=revision), ONLINE, tmp_path)
    assert "page of some/clip on the model hub" in caught.value.mend
    assert connections == []


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth"])
def test_pickles_are_refused_by_name(name, tmp_path, runtime):
    folder = model_files.save_clip(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ModelError, match=rf"only {name}.*pickles"):
        load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)


def test_a_pickle_beside_safetensors_is_not_read(tmp_path, runtime):
    folder = model_files.save_clip(tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"not even a pickle")
    assert load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None).dimension == 24


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_missing_file_of_a_local_folder_is_named(name, tmp_path, runtime):
    folder = model_files.save_clip(tmp_path / "some" / "clip")
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name) as caught:
        load_backbone(PINNED, runtime, tmp_path)
    assert str(folder) in caught.value.expected
    assert f"hf download some/clip --revision {COMMIT}" in caught.value.mend


def test_a_missing_folder_is_named(tmp_path, runtime):
    with pytest.raises(ModelError, match="absent"):
        load_backbone(Backbone(uri=f"hf:{tmp_path / 'absent'}"), runtime, None)


def test_a_broken_shard_index_is_refused(tmp_path, runtime):
    folder = model_files.save_clip(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}}))
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_backbone(Backbone(uri=f"hf:{folder}"), runtime, None)
    assert Path(folder).is_dir()
