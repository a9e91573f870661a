"""A hub name without a revision is asked for once; from then on it is a commit, and its files are certain bytes."""

import json
import threading
from pathlib import Path

import pytest

from imgsim_assets.errors import ModelError, SettingsError, UserError
from imgsim_assets.model_lock import LOCK, read_lock, with_locked_commits
from imgsim_assets.settings import Backbone, Models, Places, Runtime, Settings
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.locking import have_model, lock_models
from imgsim_assets.vision.backbones.readiness import require_models
from imgsim_tests.hub_server import Hub, sha256
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.model_files import COMMIT


def settings_of(state: Path, *, offline: bool = False, pin: bool = False, **backbones: Backbone) -> Settings:
    return Settings(
        places=Places(state=state),
        runtime=Runtime(device="cpu", threads=1, offline=offline),
        models=Models(require_pin=pin),
        backbones=backbones or {"one": Backbone(uri="hf:some/clip")},
    )


@pytest.fixture
def pushed(hub: Hub, tmp_path: Path) -> str:
    return hub.push("some/clip", model_files.save_clip(tmp_path / "first", seed=1))


@pytest.mark.usefixtures("pushed")
def test_a_name_is_asked_for_once_and_said(hub: Hub, tmp_path):
    said: list[str] = []
    state = tmp_path / "state"
    locked = lock_models(settings_of(state), said.append)
    (commit,) = hub.repositories["some/clip"].commits
    assert locked.backbones["one"].revision == commit
    assert said == [f"some/clip is locked to its newest commit, {commit}"]
    assert json.loads((state / LOCK).read_text())["commits"] == {"some/clip": commit}

    hub.asked.clear()
    assert lock_models(settings_of(state), said.append) == locked
    assert with_locked_commits(settings_of(state, offline=True)).backbones == locked.backbones
    assert hub.asked == []
    assert len(said) == 1


def test_a_branch_that_moves_changes_nothing(hub: Hub, pushed, tmp_path):
    state = tmp_path / "state"
    first = lock_models(settings_of(state))
    hub.push("some/clip", model_files.save_clip(tmp_path / "second", seed=2))
    again = lock_models(settings_of(state))
    assert again == first
    assert backbone_identity(again.backbones["one"], None)["hub"] == f"some/clip@{pushed}"


def test_before_anything_was_locked_the_name_is_missing_and_nothing_is_asked(hub: Hub, tmp_path):
    settings = with_locked_commits(settings_of(tmp_path / "state"))
    assert backbone_identity(settings.backbones["one"], None) == {"missing": "some/clip"}
    assert hub.asked == []
    assert not (tmp_path / "state").exists()


def test_backbones_of_one_repository_have_one_commit(hub: Hub, tmp_path):
    name = "timm/vit_base_patch16_clip_224.openai"
    commit = hub.push(name, model_files.save_timm_clip(tmp_path / "clip"))
    lines = {
        "plain": Backbone(uri="timm:vit_base_patch16_clip_224.openai"),
        "quick": Backbone(uri="timm:vit_base_patch16_clip_quickgelu_224.openai"),
    }
    locked = lock_models(settings_of(tmp_path / "state", **lines))
    assert {line.revision for line in locked.backbones.values()} == {commit}
    assert len([path for path in hub.paths("HEAD") if path != "/"]) == 1


def test_a_revision_stays_what_it_is(hub: Hub, pushed, tmp_path):
    state = tmp_path / "state"
    lock_models(settings_of(state))
    pinned = settings_of(state, one=Backbone(uri="hf:some/clip", revision=COMMIT))
    assert lock_models(pinned) == pinned


def test_a_local_folder_is_not_asked_for(hub: Hub, tmp_path):
    model_files.save_clip(tmp_path / "models" / "some" / "clip")
    settings = settings_of(tmp_path / "state")
    settings = settings.model_copy(update={"places": Places(state=tmp_path / "state", models=tmp_path / "models")})
    assert lock_models(settings) == settings
    have_model(settings, settings.backbones["one"])
    assert hub.asked == []
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("pushed")
def test_whoever_requires_pins_is_refused_names_without(hub: Hub, tmp_path):
    state = tmp_path / "state"
    lock_models(settings_of(state))
    hub.asked.clear()
    strict = settings_of(state, pin=True)
    assert lock_models(strict) == strict
    with pytest.raises(SettingsError, match="pinned revision"):
        require_models(strict.backbones, strict.runtime, None)
    assert hub.asked == []


def test_what_cannot_be_locked_is_said_of_all_at_once_and_the_others_are(hub: Hub, pushed, tmp_path):
    lines = {name: Backbone(uri=f"hf:some/{name}") for name in ("gone", "clip", "away")}
    with pytest.raises(UserError) as caught:
        lock_models(settings_of(tmp_path / "state", **lines))
    assert caught.value.expected == "gone, away to work"
    assert "no repository of that name" in caught.value.found
    assert read_lock(tmp_path / "state").commits == {"some/clip": pushed}


@pytest.mark.parametrize("why", ["setting", "variable", "unreachable"])
def test_without_a_hub_it_is_one_sentence(why, hub: Hub, tmp_path, monkeypatch):
    if why == "variable":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    if why == "unreachable":
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="newest commit of the hub model some/clip") as caught:
        lock_models(settings_of(tmp_path / "state", offline=why == "setting"))
    assert "imgsim models import" in caught.value.mend
    assert hub.asked == []


@pytest.mark.parametrize("written", [b"", b"[]", b'{"commits": 3}', b'{"commits": {"some/clip": "main"}}', b"\xff"])
def test_a_damaged_lock_file_is_named(written, tmp_path):
    (tmp_path / LOCK).write_bytes(written)
    with pytest.raises(SettingsError, match=f"a lock file of models at {tmp_path / LOCK}"):
        with_locked_commits(settings_of(tmp_path))


@pytest.mark.usefixtures("pushed")
def test_two_at_once_lock_the_same(hub: Hub, tmp_path):
    hub.fail(503, "/resolve/", times=1)  # whoever is first is held up
    found: list[Settings] = []
    names = [{"one": Backbone(uri="hf:some/clip")}, {"two": Backbone(uri="hf:some/clip")}]
    asking = [
        threading.Thread(target=lambda lines=lines: found.append(lock_models(settings_of(tmp_path / "state", **lines))))
        for lines in names
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len({line.revision for one in found for line in one.backbones.values()}) == 1
    assert len([path for path in hub.paths("HEAD") if path != "/"]) == 2  # the one that failed, and one more


def test_files_are_known_from_their_first_use_on(hub: Hub, pushed, hub_cache, tmp_path):
    settings = lock_models(settings_of(tmp_path / "state"))
    have_model(settings, settings.backbones["one"])
    known = read_lock(tmp_path / "state").files[f"some/clip@{pushed}"]
    files = hub.repositories["some/clip"].commits[pushed]
    assert known.keys() == {"config.json", "preprocessor_config.json", "model.safetensors"}
    for name, file in known.items():
        assert (file.size, file.sha256) == (len(files[name]), sha256(files[name]))
    have_model(settings, settings.backbones["one"])

    path = next(hub_cache.glob("**/snapshots/*/preprocessor_config.json")).resolve()
    content = path.read_bytes()
    path.write_bytes(content.replace(b"32", b"48", 1))
    with pytest.raises(ModelError, match=rf"preprocessor_config.json of some/clip at commit {pushed}") as caught:
        have_model(settings, settings.backbones["one"])
    assert sha256(content) in caught.value.found
    path.write_bytes(content + b" ")
    with pytest.raises(ModelError, match="bytes, where there were"):
        have_model(settings, settings.backbones["one"])


def test_sync_says_what_cannot_be_locked_before_it_does_anything(hub: Hub, unsynced, monkeypatch):
    monkeypatch.setattr("imgsim_assets.vision.drawing.sample.write_missing_sample", lambda _: pytest.fail("it draws"))
    unsynced.config.write_text("[backbones.one]\nuri = 'hf:some/clip'\n")
    done = unsynced.run("sync", "--sample", "--data", str(unsynced.photos), "--state", str(unsynced.state))
    assert done.status == 2
    (line,) = done.err.splitlines()
    assert line.startswith("imgsim: expected the newest commit of some/clip; found the hub does not give it")
    assert not (unsynced.state / LOCK).exists()
