import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from imgsim_assets.errors import ArtefactError
from imgsim_assets.vision.fine_tuning.tuned_file import NOTHING_LEARNED, FineTuned, as_stored, load_tuned, save_tuned


def draw_tuned() -> FineTuned:
    random = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random)

    weights = [{"a.weight": draw(4, 3), "a.bias": draw(4), "n": torch.tensor(7)} for _ in range(2)]
    return FineTuned(["cat", "dog, or wolf"], weights, [draw(2, 4) for _ in range(2)], 96)


def test_what_is_written_is_read_matrices_in_half_precision(tmp_path: Path):
    tuned = draw_tuned()
    save_tuned(tuned, tmp_path / "t")
    again, stored = load_tuned(tmp_path / "t"), as_stored(tuned)
    assert all(one.equal(stored.weights[1][name]) for name, one in again.weights[1].items())
    assert list(again.labels) == list(tuned.labels)
    assert (again.folds, again.size, stored.size) == (2, 96, 96)
    for one, other in zip(again.weights, tuned.weights, strict=True):
        assert one.keys() == other.keys()
        assert one["a.weight"].equal(other["a.weight"].half().float())
        assert one["a.bias"].equal(other["a.bias"])
        assert one["n"].equal(other["n"])
    assert all(one.equal(other) for one, other in zip(again.directions, tuned.directions, strict=True))


def test_the_same_networks_give_the_same_bytes(tmp_path: Path):
    for name in ("one", "other"):
        save_tuned(draw_tuned(), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_that_nothing_was_learned_can_be_kept_too(tmp_path: Path):
    save_tuned(NOTHING_LEARNED, tmp_path / "t")
    assert load_tuned(tmp_path / "t").folds == 0


@pytest.mark.parametrize("kind", ["absent", "damaged", "foreign", "older"])
def test_other_files_are_refused(tmp_path: Path, kind: str):
    path = tmp_path / "t"
    if kind == "damaged":
        save_tuned(draw_tuned(), path)
        path.write_bytes(path.read_bytes()[:60])
    elif kind == "foreign":
        save_file({"x": torch.zeros(1)}, path)
    elif kind == "older":
        about = {"format": "imgsim-fine-tuned/1", "labels": ["cat"], "folds": 1}
        save_file({"0/directions": torch.zeros(1, 4)}, path, metadata={"fine_tuned": json.dumps(about)})
    with pytest.raises(ArtefactError, match="imgsim sync"):
        load_tuned(path)
