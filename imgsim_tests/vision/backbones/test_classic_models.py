"""The classical backbones, as shipped and as made."""

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from imgsim_assets.errors import ModelError
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision import classic
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.loading import load_backbone
from imgsim_assets.vision.classic import CLASSIC_NAMES, REVISION, SIDE, load_classic
from imgsim_tests.vision.backbones.conftest import framed
from imgsim_workshop.pretraining import BUDGETS, write_codebooks
from imgsim_workshop.weight_files import write_codebook


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIC_NAMES)
def test_vectors_are_the_models_own_whatever_the_threads_and_the_batch(name, photos):
    model = load_backbone(Backbone(uri=f"classic:{name}"), Runtime(threads=2), None)
    batch = framed(model, photos)
    own = load_classic(name)
    pictures = [np.asarray(photo.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for photo in photos]
    expected = np.stack([own.embed(picture) for picture in pictures])
    assert model.dimension == own.codebook.dimension == expected.shape[1]
    np.testing.assert_allclose(model.embed(batch), expected, atol=1e-6)
    np.testing.assert_allclose(model.embed(batch[2:3]), expected[2:3], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", CLASSIC_NAMES)
def test_a_picture_without_anything_in_it_has_a_vector(name):
    vector = load_classic(name).embed(np.full((SIDE, SIDE, 3), 130, dtype=np.uint8))
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_they_are_known_by_their_codebooks(tmp_path, monkeypatch):
    before = backbone_identity(Backbone(uri="classic:sift"), None)
    assert set(before) == {"files", "revision", "framing"}
    assert before != backbone_identity(Backbone(uri="classic:colour"), None)
    monkeypatch.setattr(classic, "WEIGHTS", tmp_path)
    assert backbone_identity(Backbone(uri="classic:sift"), None) == {"missing": "classic:sift"}
    with pytest.raises(ModelError, match="no such file"):
        load_classic("sift")


# By name: of the absolute values of a picture's vector the largest, the mean, and a sum that their order moves.
KNOWN = {"sift": (0.06330, 0.006295, 28.371), "colour": (0.11338, 0.008611, 13.102)}


@pytest.mark.parametrize("name", CLASSIC_NAMES)
def test_vectors_change_with_the_revision_only(name):
    assert REVISION == "classic/1"
    side = np.linspace(0, 6, SIDE)
    waves = [np.sin((one + 1) * side[:, np.newaxis] + one) * np.cos(5 * side / (one + 1)) for one in range(3)]
    vector = load_classic(name).embed(np.rint(127.5 + 127 * np.stack(waves, axis=2)).astype(np.uint8))
    sizes = np.abs(vector)
    found = (float(sizes.max()), float(sizes.mean()), float(sizes @ np.linspace(0, 1, len(sizes))))
    assert found == pytest.approx(KNOWN[name], rel=1e-3), "raise classic.REVISION, and note the new values here"


def test_an_unknown_name_is_refused():
    with pytest.raises(ModelError, match="sift, colour"):
        load_backbone(Backbone(uri="classic:hog"), Runtime(), None)
    assert backbone_identity(Backbone(uri="classic:hog"), None) == {"missing": "classic:hog"}


@pytest.mark.slow
def test_codebooks_are_learned_anew_to_the_same_and_come_back_from_their_files(tmp_path):
    one, other = (write_codebooks(tmp_path / folder, BUDGETS["small"], 0, 1) for folder in ("one", "other"))
    for path in one:
        again = tmp_path / "again.safetensors"
        write_codebook(load_classic(path.stem, path).codebook, again)
        assert again.read_bytes() == path.read_bytes()
        shipped = load_file(classic.codebook_file(path.stem))
        assert {key: value.shape for key, value in shipped.items()} == {
            key: value.shape for key, value in load_file(path).items()
        }
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
