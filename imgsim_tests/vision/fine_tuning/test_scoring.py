"""What fine-tuned networks say, beside the definition written out photo by photo."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imgsim_assets.settings import Backbone, FineTuning, Runtime
from imgsim_assets.view_table import View
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.backbones.torch_model import TorchBackbone
from imgsim_assets.vision.fine_tuning.loading import load_trainable
from imgsim_assets.vision.fine_tuning.objective import SCALE
from imgsim_assets.vision.fine_tuning.scoring import PhotoToScore, no_opinion, score_photos
from imgsim_assets.vision.fine_tuning.tuned_file import FineTuned
from imgsim_assets.vision.frame import open_photo
from imgsim_tests.broken_files import picture
from imgsim_tests.vision.backbones.model_files import SIDE, save_timm_resnet

FOLDS, CLASSES = 3, 5
VIEWS: tuple[View, ...] = ("rgb", "mirror", "zoom")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TorchBackbone:
    folder = save_timm_resnet(tmp_path_factory.mktemp("models") / "small")
    return load_trainable(Backbone(uri=f"timm:{folder}"), FineTuning(), Runtime(precision="float32"), None)[0]


@pytest.fixture(scope="module")
def tuned(model: TorchBackbone) -> FineTuned:
    """Networks that differ in their last norm, and directions."""
    random = torch.Generator().manual_seed(0)
    known = model.to_train().model.state_dict()
    weights = [
        {"norm.weight": known["norm.weight"] + torch.rand(len(known["norm.weight"]), generator=random)}
        for _ in range(FOLDS)
    ]
    directions = [torch.randn(CLASSES, model.dimension, generator=random) for _ in range(FOLDS)]
    return FineTuned([f"class {number}" for number in range(CLASSES)], weights, directions, SIDE)


def to_score(path: Path, fold: int | None) -> PhotoToScore:
    with Image.open(path) as photo:
        size = photo.size
    return PhotoToScore(path.name, lambda frames: open_photo(path, size, frames, None, 10**6), fold)


def by_definition(model: TorchBackbone, tuned: FineTuned, path: Path, fold: int | None) -> np.ndarray:
    logits = []
    assert isinstance(model.framing, SquareFraming)
    for number in range(FOLDS) if fold is None else [fold]:
        network = model.retrained(tuned.weights[number])
        shown = Image.open(path)
        for view in (shown, shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
            vector = network.embed(model.framing(view)[np.newaxis])[0]
            directions = tuned.directions[number].numpy()
            cosines = directions @ vector / np.linalg.norm(directions, axis=1) / np.linalg.norm(vector)
            logits.append(SCALE * cosines)
    exponentials = np.exp(np.mean(logits, axis=0))
    return np.log(exponentials / exponentials.sum())


@pytest.mark.slow
@pytest.mark.parametrize("fold", [0, 2, None])
def test_a_photo_is_judged_by_its_fold_or_by_all(
    model: TorchBackbone, tuned: FineTuned, tmp_path: Path, fold: int | None
):
    paths = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        picture(number).save(path)
        paths.append(path)
    photos = [to_score(path, fold if number % 2 else None) for number, path in enumerate(paths)]
    found = score_photos(photos, model, tuned, VIEWS, workers=2, total=len(photos)).scores
    assert set(found) == {path.name for path in paths}
    for photo, path in zip(photos, paths, strict=True):
        np.testing.assert_allclose(found[path.name], by_definition(model, tuned, path, photo.fold), atol=1e-4)
        assert np.exp(found[path.name]).sum() == pytest.approx(1, abs=1e-5)


def test_a_photo_that_cannot_be_read_is_absent(model: TorchBackbone, tuned: FineTuned, tmp_path: Path):
    picture(0).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes((tmp_path / "good.png").read_bytes()[:80])
    good = to_score(tmp_path / "good.png", None)
    bad = PhotoToScore("bad.png", lambda frames: open_photo(tmp_path / "bad.png", (9, 9), frames, None, 10**6))
    away = PhotoToScore("away.png", lambda frames: open_photo(tmp_path / "away.png", (9, 9), frames, None, 10**6))
    found = score_photos([bad, good, away], model, tuned, ("rgb",), workers=1, total=3)
    assert set(found.scores) == {"good.png"}
    assert found.away == {"away.png"}  # it may be back another day; the broken one stays broken


def test_no_opinion_is_equal_for_all_classes():
    np.testing.assert_allclose(np.exp(no_opinion(4)), np.full(4, 0.25))
