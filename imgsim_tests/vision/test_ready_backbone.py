"""An exported network that was kept answers as the one that was exported, without torch; damage costs time only."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgsim_assets.settings import Backbone, Places, Runtime, Settings
from imgsim_assets.vision import ready_backbone as ready
from imgsim_assets.vision.backbones import kept_engine
from imgsim_assets.vision.backbones.kept_engine import ABOUT, NETWORK, PROBES, WEIGHTS, KeptBackbone
from imgsim_assets.vision.backbones.pixels import frame_probes
from imgsim_assets.vision.backbones.torch_model import EXPORT_FROM, TorchBackbone
from imgsim_assets.vision.ready_backbone import engine_folder, ready_backbone

SMALL = Backbone(uri="compact:resnet50v2")
MANY = EXPORT_FROM


def settings_of(state: Path, backbone: Backbone = SMALL, **runtime: object) -> Settings:
    return Settings(
        places=Places(data=state / "photos", state=state),
        backbones={"small": backbone},
        runtime=Runtime.model_validate({"device": "cpu", "threads": 1, **runtime}),
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, np.ndarray]:
    """Settings in whose state folder a network was kept, and its vectors of the probes when it was exported."""
    settings = settings_of(tmp_path_factory.mktemp("state"))
    model = ready_backbone(settings, "small", MANY)
    assert isinstance(model, TorchBackbone)
    return settings, model.embed(frame_probes(model.framing))


@pytest.fixture
def own(kept: tuple[Settings, np.ndarray], tmp_path: Path) -> Settings:
    """Settings with a copy of what was kept."""
    import shutil

    settings, _ = kept
    shutil.copytree(settings.places.state, tmp_path / "state")
    return settings_of(tmp_path / "state")


def folder_of(settings: Settings) -> Path:
    folder = engine_folder(settings, "small")
    assert folder is not None
    return folder


def test_the_kept_network_gives_the_same_bytes(kept: tuple[Settings, np.ndarray]):
    settings, vectors = kept
    model = ready_backbone(settings, "small", 1)
    assert isinstance(model, KeptBackbone)
    assert (model.dimension, model.device, model.runs_as) == (vectors.shape[1], "cpu", "openvino on cpu, float32")
    np.testing.assert_array_equal(model.embed(frame_probes(model.framing)), vectors)


def test_torch_is_not_loaded_for_it(kept: tuple[Settings, np.ndarray]):
    settings, _ = kept
    script = f"""
import sys
from imgsim_assets.settings import Settings
from imgsim_assets.vision.ready_backbone import ready_backbone
settings = Settings.model_validate_json({settings.model_dump_json()!r})
print(type(ready_backbone(settings, "small", 1)).__name__, "torch" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["KeptBackbone", "False"]


def test_few_photos_are_not_exported_for(tmp_path: Path):
    settings = settings_of(tmp_path)
    assert isinstance(ready_backbone(settings, "small", MANY - 1), TorchBackbone)
    assert not folder_of(settings).exists()


@pytest.mark.parametrize("name", [NETWORK, WEIGHTS, PROBES, ABOUT])
@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda _: b"", lambda c: c[::-1]])
def test_a_damaged_one_is_removed(own: Settings, name: str, damage):
    path = folder_of(own) / name
    path.write_bytes(damage(path.read_bytes()))
    assert isinstance(ready_backbone(own, "small", 1), TorchBackbone)
    assert not folder_of(own).exists()


def test_a_damaged_one_is_made_anew(own: Settings, kept: tuple[Settings, np.ndarray]):
    (folder_of(own) / WEIGHTS).write_bytes(b"")
    model = ready_backbone(own, "small", MANY)
    np.testing.assert_array_equal(model.embed(frame_probes(model.framing)), kept[1])
    assert isinstance(ready_backbone(own, "small", 1), KeptBackbone)


@pytest.mark.parametrize("name", [NETWORK, WEIGHTS, PROBES, ABOUT])
def test_one_that_lacks_a_file_is_removed(own: Settings, name: str):
    (folder_of(own) / name).unlink()
    assert isinstance(ready_backbone(own, "small", 1), TorchBackbone)
    assert not folder_of(own).exists()


def test_one_that_lies_in_the_place_of_another_is_not_believed(own: Settings):
    other = settings_of(own.places.state, Backbone(uri="compact:clip"))
    folder_of(own).rename(folder_of(other))  # whole, as a person does who mixes up two copies
    assert isinstance(ready_backbone(other, "small", 1), TorchBackbone)


def test_one_that_gives_other_vectors_is_not_believed(own: Settings, monkeypatch: pytest.MonkeyPatch):
    compiled = kept_engine.compile_model
    monkeypatch.setattr(kept_engine, "compile_model", lambda *asked: lambda batch: compiled(*asked)(batch)[:, ::-1])
    assert isinstance(ready_backbone(own, "small", 1), TorchBackbone)


@pytest.mark.parametrize(
    "other",
    [{"precision": "bfloat16"}, {"backbone": Backbone(uri="compact:clip")}],
    ids=["precision", "weights"],
)
def test_what_computes_otherwise_is_kept_elsewhere(own: Settings, other: dict):
    assert folder_of(settings_of(own.places.state, **other)) != folder_of(own)


@pytest.mark.parametrize("library", ready.LIBRARIES)
def test_another_version_of_a_library_does_not_read_it(own: Settings, library: str, monkeypatch: pytest.MonkeyPatch):
    before, real = folder_of(own), ready.version
    monkeypatch.setattr(ready, "version", lambda name: "0.0" if name == library else real(name))
    assert folder_of(own) != before


def test_a_card_computes_itself(own: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    card = tmp_path / "card"
    monkeypatch.setattr(ready, "CARDS", (str(card),))
    auto = settings_of(own.places.state, device="auto")
    if sys.platform == "linux":
        assert isinstance(ready_backbone(auto, "small", 1), KeptBackbone)
    card.touch()
    assert isinstance(ready_backbone(auto, "small", 1), TorchBackbone)


def test_a_full_disk_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_engine, "move_folder", full)
    settings = settings_of(tmp_path)
    assert ready_backbone(settings, "small", MANY).runs_as.startswith("openvino")
    assert not [path for path in folder_of(settings).parent.iterdir() if path.name != "lock"]


def test_descriptors_that_are_no_networks_have_none(tmp_path: Path):
    assert engine_folder(settings_of(tmp_path, Backbone(uri="classic:colour")), "small") is None
