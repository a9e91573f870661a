"""`imgsim models`, against a hub that answers: what is listed, fetched, checked, moved, removed and carried away."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgsim_assets.model_lock import LOCK, read_lock
from imgsim_assets.vision import model_export
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.text_tower import load_text_tower
from imgsim_tests.hub_server import Hub
from imgsim_tests.stand_ins import PLACES, save_stand_in
from imgsim_tests.workplace import Done, Workplace

SETTINGS = f"""{PLACES}
[backbones.clip]
uri = "hf:openai/clip-vit-base-patch32"

[backbones.resnet50v2]
uri = "timm:resnetv2_50.a1h_in1k"

[backbones.shipped]
uri = "compact:clip"
"""
CLIP, RESNET = "openai/clip-vit-base-patch32", "timm/resnetv2_50.a1h_in1k"
WANTED = {RESNET: {"config.json", "model.safetensors", "README.md"}}
WANTED[CLIP] = WANTED[RESNET] | {"preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"}


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("stand-ins")
    return {name: save_stand_in(name, folder / name) for name in (CLIP, RESNET)}


@pytest.fixture
def commits(hub: Hub, stand_ins: dict[str, Path]) -> dict[str, str]:
    return {name: hub.push(name, folder) for name, folder in stand_ins.items()}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return place_at(tmp_path / "here")


def place_at(folder: Path, *, offline: bool = False) -> Workplace:
    folder.mkdir()
    said = SETTINGS.replace("threads = 1", f"threads = 1\noffline = {str(offline).lower()}")
    (folder / "imgsim.toml").write_text(said)
    return Workplace(folder)


def told(done: Done) -> Any:
    assert done.status == 0, done.err
    return json.loads(done.out)


def listed(place: Workplace) -> dict[str, Any]:
    return {one["name"]: one for one in told(place.run("models", "list", "--json"))["models"]}


def test_a_list_tells_of_all_models_and_asks_nobody(hub: Hub, place: Workplace):
    models = listed(place)
    for name in ("clip", "resnet50v2"):
        about = {key: models[name][key] for key in ("commit", "chosen", "licence", "here", "bytes", "vectors")}
        assert about == {"commit": None, "chosen": "open", "licence": None, "here": False, "bytes": 0, "vectors": 0}
    assert models["shipped"]["here"]
    assert models["shipped"]["licence"] == "Apache-2.0"
    assert models["shipped"]["bytes"] > 1e6
    assert "clip  hf:openai/clip-vit-base-patch32 (open), not here, 0 vectors" in place.run("models", "list").out
    assert hub.asked == []
    assert not place.state.exists()


def test_fetch_brings_only_what_is_needed_and_the_list_knows(hub: Hub, hub_cache, commits, stand_ins, place: Workplace):
    done = place.run("models", "fetch")
    assert done.status == 0, done.err
    assert f"{CLIP} is locked to its newest commit, {commits[CLIP]}" in done.err
    assert "MB (stand-in)" in done.out
    for name, folder in stand_ins.items():
        (snapshot,) = hub_cache.glob(f"models--{name.replace('/', '--')}/snapshots/{commits[name]}")
        fetched = {path.name for path in snapshot.iterdir()}
        assert fetched == WANTED[name]
        model = listed(place)["clip" if name == CLIP else "resnet50v2"]
        assert model["commit"] == commits[name]
        assert (model["chosen"], model["licence"], model["here"]) == ("locked", "stand-in", True)
        assert model["bytes"] == sum((folder / one).stat().st_size for one in fetched - {"README.md"})
    hub.asked.clear()
    assert {one["name"] for one in told(place.run("models", "fetch", "clip", "--json"))["models"]} == {"clip"}
    assert hub.asked == []


@pytest.mark.usefixtures("commits")
def test_what_cannot_be_fetched_is_one_line_and_the_others_are_here(hub: Hub, place: Workplace):
    hub.fail(401, "openai", X_Error_Code="GatedRepo")
    done = place.run("models", "fetch")
    assert done.status == 2
    (line,) = [one for one in done.err.splitlines() if one.startswith("imgsim: ")]
    assert "accepted its licence (401)" in line
    hub.faults.clear()
    assert place.run("models", "fetch").status == 0


@pytest.mark.usefixtures("commits")
@pytest.mark.parametrize("line", [["fetch", "clap"], ["update", "clap"], ["remove", "clap"], ["verify", "clap"]])
def test_a_name_of_no_backbone_is_refused(line, place: Workplace):
    done = place.run("models", *line)
    assert done.status == 2
    assert "'clap', did you mean clip?" in done.err


def test_verify_reads_every_byte_and_names_what_is_damaged(hub: Hub, hub_cache, commits, place: Workplace):
    assert "clip: nothing of the hub's is here" in place.run("models", "verify").out
    place.run("models", "fetch")
    assert "clip: 5 files are the hub's, 5 are known from their first use" in place.run("models", "verify").out
    weights = next(hub_cache.glob("models--openai*/snapshots/*/model.safetensors")).resolve()
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    done = place.run("models", "verify")
    assert done.status == 2
    assert f"model.safetensors of {CLIP} at commit {commits[CLIP]}" in done.err
    assert place.run("models", "fetch").status == 0  # what was damaged is gone, and comes anew
    assert place.run("models", "verify").status == 0


def test_verify_claims_of_copies_only_what_is_known_of_them(hub_cache, commits, place: Workplace):
    text = place.config.read_text().replace('patch32"', f'patch32"\nrevision = "{commits[CLIP]}"')
    place.config.write_text(text)
    place.run("models", "fetch", "clip")
    shutil.copytree(hub_cache, hub_cache.with_name("copied"))  # the links followed, as most ways to carry files do
    shutil.rmtree(hub_cache)
    hub_cache.with_name("copied").rename(hub_cache)
    assert "clip: 0 files are the hub's, 5 are known from their first use\n" in place.run("models", "verify").out
    (place.state / LOCK).unlink()
    said = place.run("models", "verify").out
    assert (
        "0 files are the hub's, 0 are known from their first use, and nothing is known of config.json, model." in said
    )


def test_a_folder_of_the_persons_is_neither_moved_nor_removed_nor_carried(
    hub: Hub, hub_cache, commits, stand_ins, tmp_path, place: Workplace
):
    place.run("models", "fetch", "clip")
    shutil.copytree(stand_ins[CLIP], place.folder / "models" / CLIP)
    text = place.config.read_text().replace('state = "state"', 'state = "state"\nmodels = "models"')
    place.config.write_text(text[: text.index("[backbones.resnet50v2]")])
    hub.asked.clear()
    for line in (("update", "clip"), ("export", str(tmp_path / "usb"))):
        done = place.run("models", *line)
        assert (done.status, hub.asked) == (2, [])
        assert "hf:openai/clip-vit-base-patch32" in done.err
    assert not (tmp_path / "usb").exists()
    assert told(place.run("models", "remove", "clip", "--yes", "--json"))["bytes"] == {}
    assert list(hub_cache.glob(f"models--openai*/snapshots/{commits[CLIP]}/model.safetensors"))


def test_update_moves_the_lock_and_only_that(hub: Hub, commits, stand_ins, tmp_path, place: Workplace):
    place.run("models", "fetch")
    before = {name: backbone_identity(line, None) for name, line in place.settings().backbones.items()}
    newer = Path(shutil.copytree(stand_ins[CLIP], tmp_path / "newer"))
    (newer / "README.md").write_text("---\nlicense: mit\n---\n")
    moved = hub.push(CLIP, newer)
    assert listed(place)["clip"]["commit"] == commits[CLIP]

    done = place.run("models", "update", "clip", "--json")
    assert told(done) == {CLIP: moved}
    assert f"{CLIP} moves from {commits[CLIP]} at {moved}" in done.err
    after = {name: backbone_identity(line, None) for name, line in place.settings().backbones.items()}
    assert {name for name in after if after[name] != before[name]} == {"clip"}
    assert not listed(place)["clip"]["here"]
    place.run("models", "fetch")
    assert listed(place)["clip"]["licence"] == "mit"
    assert "stays" in place.run("models", "update", CLIP).err


def test_what_the_settings_pin_is_not_updated(hub: Hub, commits, place: Workplace):
    text = place.config.read_text().replace('patch32"', f'patch32"\nrevision = "{commits[CLIP]}"')
    place.config.write_text(text)
    done = place.run("models", "update", "clip")
    assert done.status == 2
    assert "change its revision in the settings" in done.err
    assert hub.asked == []


def test_an_update_of_what_was_never_locked_says_so(commits, place: Workplace):
    done = place.run("models", "update", "clip")
    assert f"{CLIP} is locked for the first time, at {commits[CLIP]}" in done.err


@pytest.mark.usefixtures("commits")
def test_fetching_from_a_folder_that_is_not_there_is_refused(place: Workplace):
    place.config.write_text(place.config.read_text().replace("hf:openai/clip-vit-base-patch32", "hf:./nowhere"))
    done = place.run("models", "fetch")
    assert done.status == 2
    assert f"expected a model folder at {place.folder / 'nowhere'}; found nothing there" in done.err
    assert listed(place)["resnet50v2"]["here"]


def test_remove_says_first_and_keeps_the_commit(hub_cache, commits, place: Workplace):
    place.run("models", "fetch")
    would = place.run("models", "remove", "clip", "resnet50v2")
    assert "would go; --yes removes it" in would.out
    assert listed(place)["clip"]["here"]
    gone = told(place.run("models", "remove", "clip", "--yes", "--json"))
    assert gone["removed"]
    assert gone["bytes"].keys() == {f"{CLIP}@{commits[CLIP]}"}
    assert not list(hub_cache.glob("models--openai*/snapshots/*/model.safetensors"))
    models = listed(place)
    assert (models["clip"]["here"], models["resnet50v2"]["here"]) == (False, True)
    assert models["clip"]["commit"] == commits[CLIP]
    assert told(place.run("models", "remove", "shipped", "--yes", "--json"))["bytes"] == {}


def vectors_of(place: Workplace, name: str) -> np.ndarray:
    settings = place.settings()
    model = load_backbone(settings.backbones[name], settings.runtime, None)
    photo = Image.fromarray(np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3))
    return model.embed(model.framing(photo)[np.newaxis])


@pytest.mark.usefixtures("commits")
def test_an_export_is_imported_without_a_network(hub: Hub, tmp_path, place: Workplace, monkeypatch, hub_cache):
    place.run("models", "fetch")
    expected = {name: vectors_of(place, name) for name in ("clip", "resnet50v2")}
    place.config.write_text(place.config.read_text().replace("offline = false", "offline = true"))
    hub.asked.clear()
    exported = told(place.run("models", "export", str(tmp_path / "usb"), "--json"))
    assert exported.keys() == {f"{name}@{commit}" for name, commit in read_lock(place.state).commits.items()}

    carried = tmp_path / "carried"
    (tmp_path / "usb").rename(carried)
    shutil.rmtree(hub_cache)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    other = place_at(tmp_path / "other", offline=True)
    done = other.run("models", "import", str(carried), "--json")
    assert told(done) == exported
    assert "is locked to" in done.err
    assert hub.asked == []
    assert listed(other) == listed(place)
    assert other.run("models", "verify").status == 0
    words = load_text_tower(other.settings().backbones["clip"], other.settings()).embed(["red cat"])
    assert words.shape == (1, 24)
    for name, vectors in expected.items():
        assert backbone_identity(other.settings().backbones[name], None) == backbone_identity(
            place.settings().backbones[name], None
        )
        np.testing.assert_array_equal(vectors_of(other, name), vectors)
    assert told(other.run("models", "remove", "clip", "--yes", "--json"))["bytes"]
    assert hub.asked == []


@pytest.mark.parametrize(
    "damage", ["bytes", "absent", "path", "repository", "no lock", "pickle", "commit", "not carried"]
)
def test_an_export_that_was_changed_is_refused(damage, commits, tmp_path, place: Workplace, monkeypatch):
    place.run("models", "export", str(tmp_path / "usb"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    weights = next((tmp_path / "usb").glob("models--openai*/snapshots/*/model.safetensors"))
    lock = tmp_path / "usb" / LOCK
    if damage == "bytes":
        weights.write_bytes(b"x" + weights.read_bytes()[1:])
    elif damage == "absent":
        weights.unlink()
    elif damage == "path":
        lock.write_text(lock.read_text().replace('"model.safetensors"', '"../../../../out.safetensors"'))
    elif damage == "commit":
        lock.write_text(lock.read_text().replace(f'"{commits[CLIP]}"', '"../../../out"'))
    elif damage == "not carried":
        lock.write_text(lock.read_text().replace(f'"{commits[CLIP]}"', f'"{"0" * 40}"'))
    elif damage == "pickle":
        lock.write_text(lock.read_text().replace('"model.safetensors"', '"model.bin"'))
    elif damage == "repository":
        lock.write_text(lock.read_text().replace(f"{CLIP}@", "../out@"))
    else:
        lock.unlink()
    other = place_at(tmp_path / "other", offline=True)
    done = other.run("models", "import", str(tmp_path / "usb"))
    assert done.status == 2
    assert "expected" in done.err
    assert "models remove" not in done.err  # what is here is not at fault
    assert not list((tmp_path / "elsewhere").glob("models--openai*/snapshots/*/*"))
    assert not read_lock(other.state).commits


@pytest.mark.usefixtures("commits")
def test_exporting_and_importing_again_mends_what_was_damaged(tmp_path, place: Workplace, hub_cache):
    usb = tmp_path / "usb"
    place.run("models", "export", str(usb))
    for cache, command in ((usb, "export"), (hub_cache, "import")):
        weights = next(cache.glob("models--openai*/snapshots/*/model.safetensors"))
        content = weights.read_bytes()
        weights.unlink()
        weights.write_bytes(b"x" + content[1:])
        assert place.run("models", command, str(usb)).status == 0
        assert weights.read_bytes() == content


@pytest.mark.usefixtures("commits")
def test_an_export_that_another_one_overtakes_is_whole_all_the_same(tmp_path, place: Workplace, monkeypatch):
    move = model_export.move_folder

    def overtaken(built: Path, target: Path) -> None:
        target.mkdir()
        shutil.copy(built / "config.json", target)
        move(built, target)

    monkeypatch.setattr(model_export, "move_folder", overtaken)
    exported = told(place.run("models", "export", str(tmp_path / "usb"), "--json"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert told(place_at(tmp_path / "other").run("models", "import", str(tmp_path / "usb"), "--json")) == exported


def test_another_cache_is_filled_anew(hub: Hub, commits, tmp_path, place: Workplace, monkeypatch):
    place.run("models", "fetch", "clip")
    hub.push(CLIP, {"config.json": b"{}"})  # the branch moves on
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert not listed(place)["clip"]["here"]
    assert place.run("models", "fetch", "clip").status == 0
    assert listed(place)["clip"]["commit"] == commits[CLIP]
    assert list((tmp_path / "elsewhere").glob(f"models--openai*/snapshots/{commits[CLIP]}/model.safetensors"))
