import os
import shutil
import subprocess
import sys

import pytest

from imgsim_assets.settings import Backbone
from imgsim_assets.vision import classic, compact, packaged
from imgsim_assets.vision.backbones import identity as identity_module
from imgsim_assets.vision.backbones import loading, pixels
from imgsim_assets.vision.backbones.identity import RUN_BY, backbone_identity
from imgsim_tests.vision.backbones import model_files
from imgsim_tests.vision.backbones.model_files import COMMIT, save_onnx


def test_local_files_are_known_by_their_content(tmp_path):
    first = model_files.save_clip(tmp_path / "first", seed=1)
    same = shutil.copytree(first, tmp_path / "elsewhere" / "same")
    other = model_files.save_clip(tmp_path / "other", seed=2)
    name = {folder: backbone_identity(Backbone(uri=f"hf:{folder}"), None) for folder in (first, same, other)}

    assert set(name[first]) == {"files", "revision", "framing"}
    assert name[first] == name[same]
    assert name[first] != name[other]


@pytest.mark.parametrize(
    "file",
    ["config.json", "preprocessor_config.json", "model.safetensors", "other.safetensors", "processor_config.json"],
)
def test_every_file_that_may_change_the_vectors_is_in_it(file, tmp_path):
    folder = model_files.save_clip(tmp_path / "some" / "clip")
    for name in ("other.safetensors", "processor_config.json"):
        shutil.copy(folder / "config.json", folder / name)
    backbone = Backbone(uri="hf:some/clip")
    before = backbone_identity(backbone, tmp_path)
    changed = bytearray((folder / file).read_bytes())
    changed[-2] ^= 1
    (folder / file).write_bytes(changed)
    assert backbone_identity(backbone, tmp_path) != before


def test_files_are_read_once_and_again_when_they_change(tmp_path, monkeypatch):
    path = save_onnx(tmp_path / "m.onnx")
    read = []
    monkeypatch.setattr(identity_module, "content_id", lambda file: read.append(file) or f"{len(read):032}")
    backbone = Backbone(uri=f"onnx:{path}")

    assert backbone_identity(backbone, None) == backbone_identity(backbone, None)
    assert len(read) == 1
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    backbone_identity(backbone, None)
    assert len(read) == 2


def test_hub_models_are_known_by_commit(tmp_path):
    clip = backbone_identity(Backbone(uri="hf:some/clip", revision=COMMIT), tmp_path)
    assert clip == {"revision": RUN_BY["hf"], "hub": f"some/clip@{COMMIT}", "framing": pixels.REVISION}
    quick = Backbone(uri="timm:vit_base_patch16_clip_quickgelu_224.openai", revision=COMMIT)
    assert backbone_identity(quick, None)["hub"] == f"timm/vit_base_patch16_clip_224.openai@{COMMIT}"


@pytest.mark.parametrize("uri", ["hf:some/clip", "hf:/no/such/folder", "timm:resnetv2_50", "onnx:no.onnx", "clup:x"])
def test_what_is_missing_is_named_and_not_raised(uri, tmp_path):
    assert list(backbone_identity(Backbone(uri=uri), tmp_path)) == ["missing"]


def test_a_folder_without_weights_is_missing(tmp_path):
    (tmp_path / "some--clip").mkdir()
    assert backbone_identity(Backbone(uri="hf:some/clip"), tmp_path) == {"missing": "some/clip"}


def test_a_packages_backbone_is_known_by_its_package(monkeypatch):
    from importlib.metadata import EntryPoint

    point = EntryPoint("colour", "a_module_that_must_not_be_imported:load", loading.ENTRY_POINT_GROUP)
    monkeypatch.setattr(loading, "entry_points", lambda group: [point])
    found = backbone_identity(Backbone(uri="colour:mean", revision="2"), None)
    assert found == {"package": point.value, "name": "mean", "revision": "2", "framing": pixels.REVISION}


@pytest.mark.parametrize(
    ("owner", "name", "schemes"),
    [
        (pixels, "REVISION", ["compact", "packaged", "classic", "onnx", "hf"]),
        (compact, "REVISION", ["compact"]),
        (packaged, "REVISION", ["packaged"]),
        (classic, "REVISION", ["classic"]),
        (identity_module, "RUN_BY", ["onnx", "hf"]),
    ],
)
def test_revisions_of_our_own_code_are_in_it(owner, name, schemes, tmp_path, monkeypatch):
    uris = {
        "compact": "compact:clip",
        "packaged": "packaged:efficientnet_lite0",
        "classic": "classic:sift",
        "onnx": f"onnx:{save_onnx(tmp_path / 'm.onnx')}",
        "hf": f"hf:{model_files.save_clip(tmp_path / 'clip')}",
    }
    before = {scheme: backbone_identity(Backbone(uri=uri), None) for scheme, uri in uris.items()}
    raised = {"hf": "other", "onnx": "other"} if name == "RUN_BY" else "other"
    monkeypatch.setattr(owner, name, raised)
    assert [one for one in uris if backbone_identity(Backbone(uri=uris[one]), None) != before[one]] == schemes


def test_it_loads_no_framework(models):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from imgsim_assets.settings import Backbone\n"
        "from imgsim_assets.vision.backbones.identity import backbone_identity\n"
        f"models = Path({str(models)!r})\n"
        "for uri in ('hf:small/clip', 'timm:resnetv2_50.a1h_in1k', 'hf:some/other', 'onnx:x.onnx'):\n"
        "    backbone_identity(Backbone(uri=uri), models)\n"
        "print(sorted({'torch', 'timm', 'transformers', 'openvino', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
