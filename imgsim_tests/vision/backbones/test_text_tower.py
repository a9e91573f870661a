"""Words become the vectors that the library's own whole model gives them, tokenizer and all."""

import contextlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from imgsim_assets.errors import ModelError, SettingsError
from imgsim_assets.settings import Backbone, Places, Runtime, Settings
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.text_tower import find_text_backbone, load_text_tower
from imgsim_tests.hub_server import Hub
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.text_models import save_two_towers

LEAST_COSINE = 0.99999
WORDS = ["a red bicycle", "A Red CAT", "blue", "ein Fahrrad, größer als je", "🚲", "red " * 40, "x"]


def settings_of(uri: str, tmp_path: Path, **others) -> Settings:
    runtime = Runtime(device="cpu", threads=1, offline=True, precision="float32")
    backbones = {"photos_only": {"uri": "compact:clip"}, "both": {"uri": uri, **others}}
    return Settings(backbones=backbones, runtime=runtime, places=Places(state=tmp_path / "state"))


def by_the_library(folder: Path, kind: str, words: list[str]) -> np.ndarray:
    """As the model's page on the hub says it is done."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    if kind == "clip":
        model = transformers.CLIPModel.from_pretrained(folder).eval()
        tokens = tokenizer(words, padding=True, truncation=True, max_length=24, return_tensors="pt")
    else:
        model = transformers.SiglipModel.from_pretrained(folder).eval()
        lower = [word.lower() for word in words]
        tokens = tokenizer(lower, padding="max_length", truncation=True, max_length=10, return_tensors="pt")
        tokens = {"input_ids": tokens["input_ids"]}
    with torch.inference_mode():
        found = model.get_text_features(**tokens).pooler_output
    return torch.nn.functional.normalize(found).numpy()


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_words_become_the_librarys_own_vectors(kind, tmp_path):
    folder = save_two_towers(tmp_path / kind, kind)
    settings = settings_of(f"hf:{folder}", tmp_path)
    assert find_text_backbone(settings) == "both"
    tower = load_text_tower(settings.backbones["both"], settings)
    found, expected = tower.embed(WORDS), by_the_library(folder, kind, WORDS)
    assert found.dtype == np.float32
    assert (found * expected).sum(axis=1).min() >= LEAST_COSINE
    likeness = found @ found.T
    assert (likeness - 2 * np.eye(len(WORDS))).max() < LEAST_COSINE  # other words are farther than that
    # Alone, or among longer ones.
    np.testing.assert_allclose(np.concatenate([tower.embed([word]) for word in WORDS]), found, atol=1e-5)


def test_loading_prints_nothing(tmp_path, capfd):
    settings = settings_of(f"hf:{save_two_towers(tmp_path / 'clip', 'clip')}", tmp_path)
    capfd.readouterr()
    transformers.logging.enable_progress_bar()
    load_backbone(settings.backbones["both"], settings.runtime, None)
    transformers.logging.enable_progress_bar()
    load_text_tower(settings.backbones["both"], settings)
    assert capfd.readouterr() == ("", "")


def test_siglip_reads_lower_case_and_is_always_filled_up(tmp_path):
    folder = save_two_towers(tmp_path / "siglip", "siglip")
    settings = settings_of(f"hf:{folder}", tmp_path)
    tower = load_text_tower(settings.backbones["both"], settings)
    upper, lower = tower.embed(["A RED CAT", "a red cat"])
    np.testing.assert_array_equal(upper, lower)
    # At the end, also where a tokenizer's settings leave that to the class of the library, which says otherwise.
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "padding_side": "left"}))
    again = load_text_tower(settings.backbones["both"], settings).embed(["a red cat"])[0]
    np.testing.assert_allclose(again, lower, atol=1e-6)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.SiglipModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        short = model.get_text_features(input_ids=tokenizer(["a red cat"], return_tensors="pt")["input_ids"])
    unit = torch.nn.functional.normalize(short.pooler_output).numpy()[0]
    assert unit @ lower < LEAST_COSINE


def test_clip_reads_no_further_than_its_places(tmp_path):
    """77 in the published ones; the end of the text is kept, since the vector is read off there."""
    folder = save_two_towers(tmp_path / "clip", "clip")
    settings = settings_of(f"hf:{folder}", tmp_path)
    tower = load_text_tower(settings.backbones["both"], settings)
    cut, longer = tower.embed(["red " * 22, "red " * 22 + "blue cat"])
    np.testing.assert_array_equal(cut, longer)
    assert not np.allclose(tower.embed(["red " * 21 + "blue"])[0], cut, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"pooling": "class_token"}, "a vector that does not lie beside texts"),
        ({"views": ["mirror"]}, "no view of the photo itself"),
    ],
)
def test_what_has_no_vector_beside_texts_is_refused_in_one_sentence(changed, why, tmp_path):
    folder = save_two_towers(tmp_path / "clip", "clip")
    with pytest.raises(SettingsError, match="expected a backbone with a text tower") as caught:
        find_text_backbone(settings_of(f"hf:{folder}", tmp_path, **changed))
    assert caught.value.found == f"photos_only (compact:clip), both (hf:{folder.name})", why
    assert "use the profile clip, small or medium" in caught.value.mend


def test_an_image_tower_alone_is_refused(tmp_path):
    folder = model_files.save_clip(tmp_path / "clip")
    with pytest.raises(SettingsError, match="expected a backbone with a text tower"):
        find_text_backbone(settings_of(f"hf:{folder}", tmp_path))


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_tokenizer_that_is_absent_is_named(name, tmp_path):
    folder = save_two_towers(tmp_path / "clip", "clip")
    (folder / name).unlink()
    settings = settings_of(f"hf:{folder}", tmp_path)
    with pytest.raises(ModelError, match=rf"expected {name} in .*; found no such file"):
        load_text_tower(settings.backbones["both"], settings)


def test_nothing_that_can_run_is_read(tmp_path, monkeypatch):
    """A tokenizer of code beside the weights is refused, and no pickle is opened."""
    folder = save_two_towers(tmp_path / "clip", "clip")
    settings = settings_of(f"hf:{folder}", tmp_path)

    def refuse(*_, **__):
        raise AssertionError("a pickle is read")

    with monkeypatch.context() as patched:
        for name in ("load", "loads", "Unpickler"):
            patched.setattr(pickle, name, refuse)
        load_text_tower(settings.backbones["both"], settings)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config |= {"auto_map": {"AutoTokenizer": [None, "planted.Planted"]}, "tokenizer_class": "Planted"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "planted.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with contextlib.suppress(ModelError):
        load_text_tower(settings.backbones["both"], settings)
    assert not (tmp_path / "ran").exists()


def test_what_words_need_is_fetched_when_they_are_first_asked_for(hub: Hub, tmp_path):
    folder = save_two_towers(tmp_path / "made", "clip")
    commit = hub.push("some/clip", {path.name: path.read_bytes() for path in folder.iterdir()})
    settings = settings_of("hf:some/clip", tmp_path, revision=commit)
    settings = settings.model_copy(update={"runtime": Runtime(device="cpu", threads=1)})
    load_backbone(settings.backbones["both"], settings.runtime, None)
    before = fetched(hub)
    assert not any("tokenizer" in name for name in before)
    tower = load_text_tower(settings.backbones["both"], settings)
    assert fetched(hub) - before == {"tokenizer.json", "tokenizer_config.json"}
    np.testing.assert_allclose(tower.embed(WORDS), by_the_library(folder, "clip", WORDS), atol=1e-5)
    asked = len(hub.paths())
    load_text_tower(settings.backbones["both"], settings)
    assert len(hub.paths()) == asked


def fetched(hub: Hub) -> set[str]:
    return {path.rpartition("/")[2] for path in hub.paths() if "/resolve/" in path}


def test_missing_weights_of_the_text_tower_are_named(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = save_two_towers(tmp_path / "clip", "clip")
    tensors = load_file(folder / "model.safetensors")
    del tensors["text_projection.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    settings = settings_of(f"hf:{folder}", tmp_path)
    with pytest.raises(ModelError, match=r"text_projection\.weight"):
        load_text_tower(settings.backbones["both"], settings)


def test_a_tokenizer_does_not_change_the_vectors_of_photos(tmp_path):
    """Put beside the weights of a folder later, it makes no embedding anew."""
    folder = save_two_towers(tmp_path / "clip", "clip")
    before = backbone_identity(Backbone(uri=f"hf:{folder}"), None)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    assert backbone_identity(Backbone(uri=f"hf:{folder}"), None) == before
