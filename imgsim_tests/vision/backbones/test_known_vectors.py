"""Vectors known beforehand, of what ships and of each scheme: they change with a revision only, or never are made anew.

Where a test here fails, and the change is meant: raise the revision that it names, and note the new numbers.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from imgsim_assets.assets.learning.class_scores import REVISION as SCORES_REVISION
from imgsim_assets.assets.learning.fine_tuning import REVISION as TUNED_REVISION
from imgsim_assets.retrieval.pair_loss import batch_loss
from imgsim_assets.settings import Backbone, FineTuning, Runtime
from imgsim_assets.vision import classic, compact, packaged
from imgsim_assets.vision.backbones import pixels
from imgsim_assets.vision.backbones.identity import RUN_BY
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.fine_tuning.loading import load_trainable
from imgsim_assets.vision.fine_tuning.scoring import PhotoToScore, score_photos
from imgsim_assets.vision.fine_tuning.training import LabelledPhotos, Plan, fine_tune
from imgsim_assets.vision.fine_tuning.tuned_file import FineTuned
from imgsim_assets.vision.frame import open_photo
from imgsim_tests.vision.backbones import model_files

EXACT = Runtime(device="cpu", threads=1, precision="float32", offline=True)
PIXELS = "pixels/1"
# By uri: the revision of what runs it, and four numbers of its vector of the picture below.
KNOWN = {
    "packaged:efficientnet_lite0": ("packaged/1", (0.0626, 0.8137, -0.1396, 0.5987)),
    "packaged:efficientnet_lite1": ("packaged/1", (0.3284, 0.1574, 0.3323, -0.0883)),
    "packaged:efficientnet_lite2": ("packaged/1", (0.0412, -0.5407, 0.4469, -0.6723)),
    "compact:clip": ("compact/1", (-1.1346, -0.2395, -0.9939, -0.5168)),
    "compact:vit_clip": ("compact/1", (-0.0441, -0.4718, -0.7875, -1.0894)),
    "compact:resnet50v2": ("compact/1", (-0.6585, -0.3897, 1.0291, -0.8826)),
    "classic:sift": ("classic/1", (-1.8589, 0.2188, -1.0883, 0.2452)),
    "classic:colour": ("classic/1", (-0.1321, 0.1673, 0.0778, 0.0411)),
    "hf:clip": ("hf/2", (0.5301, 3.4918, 0.0574, 0.1824)),
    "timm:clip": ("timm/2", (0.4805, 2.5254, -0.1216, 0.1583)),
    "onnx:crop": ("onnx/2", (0.6769, -1.0359, 0.0958, 0.0699)),
}
# Losses of three steps of training, and the log probabilities that a network with other weights gives the picture.
TUNED = ("fine_tuned/3", (2.554, 3.5276, 2.4525))
SCORES = ("class_scores/1", (-1.5736, -1.2403, -1.214, -1.578))
CLASSES = 4


def draw_picture() -> Image.Image:
    """Draw waves of each colour, wider than high."""
    x, y = np.meshgrid(np.linspace(0, 6, 300), np.linspace(0, 4, 200))
    waves = [np.sin((one + 1) * y + one) * np.cos(5 * x / (one + 1)) for one in range(3)]
    return Image.fromarray(np.rint(127.5 + 127 * np.stack(waves, axis=2)).astype(np.uint8))


def four_numbers(vector: np.ndarray) -> list[float]:
    """Sum up a vector by four waves over it, which see signs and order."""
    unit = vector.astype(np.float64) / np.linalg.norm(vector)
    places = np.arange(len(unit))
    return [float(unit @ np.cos(frequency * places)) for frequency in (0.1, 0.7, 1.9, 2.9)]


def fill(path: Path) -> None:
    """Put weights into a file that no library's random numbers are in."""
    tensors = load_file(path)
    for number, (name, tensor) in enumerate(sorted(tensors.items())):
        values = torch.cos(torch.arange(tensor.numel(), dtype=torch.float64) * 0.37 + number).reshape(tensor.shape)
        if tensor.is_floating_point():
            tensors[name] = ((1 if "norm" in name and name.endswith("weight") else 0) + 0.2 * values).float()
    save_file(tensors, path, metadata={"format": "pt"})


def backbone_of(uri: str, folder: Path) -> Backbone:
    """Write the small model that a uri stands for, where it does not ship."""
    match uri.partition(":")[0]:
        case "hf":
            fill(model_files.save_clip(folder) / "model.safetensors")
            return Backbone(uri=f"hf:{folder}")
        case "timm":
            fill(model_files.save_timm_clip(folder) / "model.safetensors")
            return Backbone(uri=f"timm:{folder}")
        case "onnx":
            path = model_files.save_onnx(folder / "m.onnx", axes=(2,), keep=0)
            nodes = [model_files.reduce_mean("pixels", "rows", (2,)), model_files.onnx_node("Flatten", ["rows"], "all")]
            model_files.save_graph(path, nodes, {"pixels": ("n", 3, 32, 32)}, ["all"])
            return Backbone(uri=f"onnx:{path}", resize="crop", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    return Backbone(uri=uri)


@pytest.mark.parametrize("uri", KNOWN)
def test_vectors_change_with_a_revision_only(uri, tmp_path):
    scheme = uri.partition(":")[0]
    revision, known = KNOWN[uri]
    own = {"compact": compact.REVISION, "classic": classic.REVISION, "packaged": packaged.REVISION}
    owners = {**RUN_BY, **own}
    assert (owners[scheme], pixels.REVISION) == (revision, PIXELS), "note the revision here, and the new numbers"
    model = load_backbone(backbone_of(uri, tmp_path), EXACT, None)
    found = four_numbers(model.embed(model.framing(draw_picture())[np.newaxis])[0])
    assert found == pytest.approx(list(known), abs=5e-4), (
        f"raise the revision of {scheme}, or of pixels if all have changed"
    )


def test_fine_tuned_networks_and_what_they_say_change_with_a_revision_only(tmp_path):
    assert (TUNED[0], SCORES[0]) == (TUNED_REVISION, SCORES_REVISION), "note the revision here, and the new numbers"
    backbone = Backbone(uri="compact:clip")
    model, framing = load_trainable(backbone, FineTuning(enlarge=1), EXACT, None)
    random = np.random.default_rng(5)
    classes = np.repeat(np.arange(CLASSES), 4)
    photos = random.integers(0, 150, (len(classes), 72, 72, 3)) + classes[:, np.newaxis, np.newaxis, np.newaxis] * 30
    lesson = LabelledPhotos(photos.astype(np.uint8), np.arange(len(classes)), classes)
    network = model.to_train()
    plan = Plan(classes=CLASSES, size=framing.size, steps=3, rate=1e-3)
    losses = list(fine_tune(network, lesson, plan, batch_loss, tmp_path / "checkpoint"))
    assert losses == pytest.approx(list(TUNED[1]), rel=0.01), "raise the revision of fine-tuning"

    draw_picture().save(tmp_path / "photo.png")
    asked = PhotoToScore("photo", lambda frames: open_photo(tmp_path / "photo.png", (300, 200), frames, None, 10**6))
    directions = torch.cos(torch.arange(CLASSES * model.dimension) * 0.7).reshape(CLASSES, -1)
    weights = {
        "tower.visual_projection.weight": 1.1 * model.to_train().model.state_dict()["tower.visual_projection.weight"]
    }
    tuned = FineTuned([str(number) for number in range(CLASSES)], [weights], [directions], framing.size)
    scores = score_photos([asked], model, tuned, ("rgb", "mirror"), workers=1, total=1).scores["photo"]
    assert scores.tolist() == pytest.approx(list(SCORES[1]), abs=5e-3), "raise the revision of class scores"
