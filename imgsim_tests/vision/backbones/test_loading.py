import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from imgsim_assets.errors import ModelError, SettingsError
from imgsim_assets.settings import Backbone
from imgsim_assets.vision.backbones import loading
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.backbones.pixels import LibraryFraming, SquareFraming


class MeanColour:
    """A backbone such as a package might bring."""

    dimension = 3
    batch_size = 4
    device = "cpu"
    runs_as = "numpy"
    framing = SquareFraming(8)

    def prepare(self, photos):
        pass

    def embed(self, batch):
        return batch.mean(axis=(1, 2), dtype=np.float32)


class AnySize(MeanColour):
    framing = LibraryFraming(lambda image: np.asarray(image).transpose(2, 0, 1))


def load_mean_colour(backbone, runtime, models):
    return MeanColour() if backbone.uri == "colour:mean" else AnySize()


@pytest.fixture
def installed(monkeypatch):
    points = [
        EntryPoint("colour", f"{__name__}:load_mean_colour", loading.ENTRY_POINT_GROUP),
        EntryPoint("hf", f"{__name__}:load_mean_colour", loading.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(loading, "entry_points", lambda group: points if group == loading.ENTRY_POINT_GROUP else [])


def test_a_package_brings_its_own_scheme(installed, runtime):
    model = load_backbone(Backbone(uri="colour:mean"), runtime, None)
    assert isinstance(model, MeanColour)


def test_a_package_cannot_take_over_a_built_in_scheme(installed):
    assert set(loading.installed_schemes()) == {"colour"}
    assert loading.find_loader("hf:some/model").__module__.startswith("imgsim_assets.")


def test_an_unknown_scheme_lists_the_known_ones(installed, runtime):
    with pytest.raises(SettingsError, match="colour:, compact:, hf:, onnx:, packaged:, timm:") as caught:
        load_backbone(Backbone(uri="clup:x"), runtime, None)
    assert "'clup:x'" in caught.value.found


def test_photos_must_come_out_in_one_size(installed, runtime):
    with pytest.raises(ModelError, match=r"\(3, 50, 50\) and \(3, 64, 96\)"):
        load_backbone(Backbone(uri="colour:any"), runtime, None)


def test_importing_it_loads_no_framework():
    heavy = {"torch", "timm", "transformers", "openvino", "huggingface_hub", "cv2", "faiss"}
    code = (
        "import sys\n"
        "import imgsim_assets.vision.backbones.loading, imgsim_assets.vision.backbones.identity\n"
        "import imgsim_assets.vision.backbones.huggingface, imgsim_assets.vision.backbones.timm_models\n"
        "import imgsim_assets.vision.backbones.onnx, imgsim_assets.vision.backbones.compact_models\n"
        "import imgsim_assets.vision.embedding, imgsim_assets.threads\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


TELLING_NOBODY = """
import os
os.register_at_fork(before=lambda: print("forked"))
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.loading import load_backbone
model = load_backbone(Backbone(uri="compact:resnet50v2"), Runtime(threads=1), None)
model.prepare(10_000)
print(model.runs_as)
"""


@pytest.mark.slow
def test_openvino_reports_to_nobody(tmp_path):
    """It would do so from a process of its own, and leave a number for this machine in the home folder."""
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", TELLING_NOBODY], env=environment, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"openvino on cpu, \w+\n", done.stdout)
    assert not (tmp_path / "intel").exists()
