"""Whether backbones can be had is known before any work, of all of them, and without loading any."""

import subprocess
import sys

import pytest

from imgsim_assets.errors import ModelError, SettingsError, UserError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones import hub
from imgsim_assets.vision.backbones.readiness import require_models
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.model_files import COMMIT, save_onnx

FED = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


def test_what_is_here_is_ready(models, runtime, tmp_path, hub_cache, connections):
    backbones = {
        "onnx": Backbone(uri=f"onnx:{save_onnx(tmp_path / 'm.onnx')}", **FED),
        "hf": Backbone(uri="hf:small/clip"),
        "timm": Backbone(uri="timm:vit_base_patch16_clip_224.openai"),
        "compact": Backbone(uri="compact:clip"),
        "packaged": Backbone(uri="packaged:efficientnet_lite0"),
        "classic": Backbone(uri="classic:sift"),
    }
    require_models(backbones, runtime, models)
    assert connections == []


def test_all_faults_are_in_one_list(tmp_path, runtime, hub_cache, connections):
    (tmp_path / "no.onnx").write_bytes(b"no model")
    naflex = model_files.save_siglip(tmp_path / "naflex")
    config = (naflex / "config.json").read_text()
    (naflex / "config.json").write_text(config.replace('"model_type": "siglip"', '"model_type": "siglip2"'))
    faults = {
        "absent": (Backbone(uri=f"onnx:{tmp_path / 'absent.onnx'}", **FED), "absent.onnx"),
        "odd": (Backbone(uri=f"onnx:{tmp_path / 'no.onnx'}", **FED), "no.onnx"),
        "unfed": (Backbone(uri=f"onnx:{save_onnx(tmp_path / 'm.onnx')}"), "mean = None"),
        "hub": (Backbone(uri="hf:some/clip", revision=COMMIT), f"some/clip at commit {COMMIT}"),
        "unpinned": (Backbone(uri="timm:resnet50"), "timm/resnet50"),
        "unsupported": (Backbone(uri=f"hf:{naflex}"), "'siglip2'"),
        "shipped": (Backbone(uri="compact:nobody"), "'nobody'"),
        "scheme": (Backbone(uri="clup:x"), "'clup:x'"),
    }
    sound = {"sound": Backbone(uri="classic:sift")}
    with pytest.raises(UserError) as caught:
        require_models({name: backbone for name, (backbone, _) in faults.items()} | sound, runtime, None)
    for name, (_, said) in faults.items():
        assert name in caught.value.expected
        assert said in caught.value.found
    assert "sound" not in caught.value.expected
    assert connections == []


def test_a_hub_out_of_reach_is_found_at_once(hub_cache, connections, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it is waited for another attempt"))
    with pytest.raises(ModelError, match="the hub cannot be reached"):
        require_models({"one": Backbone(uri="hf:some/clip", revision=COMMIT)}, Runtime(offline=False), None)
    assert connections


def test_what_the_hub_may_be_asked_for_is_ready(hub_cache, monkeypatch):
    monkeypatch.setattr(hub, "is_offline", lambda _: False)
    monkeypatch.setattr(hub, "why_unreachable", lambda: "")
    require_models({"one": Backbone(uri="hf:some/clip", revision=COMMIT)}, Runtime(offline=False), None)


def test_a_device_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(SettingsError, match="a mps device"):
        require_models({"one": Backbone(uri="compact:clip")}, Runtime(device="mps"), None)


def test_it_loads_no_framework(models):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from imgsim_assets.settings import Backbone, Runtime\n"
        "from imgsim_assets.vision.backbones.readiness import require_models\n"
        "uris = ('hf:small/clip', 'timm:vit_base_patch16_clip_224.openai', 'compact:clip', 'classic:sift')\n"
        "backbones = {uri: Backbone(uri=uri) for uri in uris}\n"
        f"require_models(backbones, Runtime(offline=True), Path({str(models)!r}))\n"
        "print(sorted({'torch', 'timm', 'transformers', 'openvino', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
