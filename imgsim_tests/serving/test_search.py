"""One photo through the published bundle: the answer is the one that the pipeline gave."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageOps

from imgsim_assets.api import publication_of
from imgsim_assets.errors import ArtefactError, InputError
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.serving.bundle import bundle_facts, open_bundle
from imgsim_assets.serving.comparison import open_comparison
from imgsim_assets.serving.describe import describe, open_any
from imgsim_assets.serving.models import Models
from imgsim_assets.serving.queries import photo_queries
from imgsim_assets.settings import Settings
from imgsim_assets.storage import versioned_folder
from imgsim_assets.storage.publication import whole_publication
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.frame import Frame
from imgsim_tests.workplace import Workplace


def search_photo(photo: Path, settings: Settings, library: str, count: int) -> list[dict]:
    found = publication_of(settings).search([photo], count, library)
    return found.select("name", "label", "score").to_dicts()


@pytest.mark.parametrize("library", ["faiss", "annoy"])
def test_a_test_photo_gets_the_published_list(synced_once: Workplace, library: str):
    published = synced_once.lists()
    settings = synced_once.settings()
    labels = dict(pl.read_csv(synced_once.photos / "train.csv").select("image", "label").iter_rows())
    for name, expected in published.items():
        found = search_photo(synced_once.photos / "test" / name, settings, library, 10)
        assert [row["name"] for row in found] == expected
        assert [row["label"] for row in found] == [labels[one] for one in expected]
        scores = [row["score"] for row in found]
        assert scores == sorted(scores, reverse=True)


def test_a_descriptor_is_that_of_the_pipeline(synced_once: Workplace):
    """One photo at a time here, batches there."""
    settings = synced_once.settings()
    bundle = open_bundle(settings)
    models = Models(settings, bundle)
    queries = np.load(synced_once.store.artefacts.open("query_vectors").path("vectors.npy"))
    names = synced_once.table("query_vectors")["name"].to_list()
    for name in names[:3]:
        descriptor = describe([synced_once.photos / "test" / name], models)
        assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-5)
        asked = photo_queries([synced_once.photos / "test" / name], models)
        np.testing.assert_allclose(asked[0], queries[names.index(name)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("library", ["faiss", "annoy"])
def test_a_train_photo_is_answered_by_brute_force_too(synced_once: Workplace, library: str):
    """Every inner product with the gallery, sorted: the indices may not change it."""
    settings = synced_once.settings()
    bundle = open_bundle(settings)
    names = bundle.gallery["name"].to_list()
    for name in names[::7]:
        path = synced_once.photos / "train" / name
        asked = photo_queries([path], Models(settings, bundle))
        scores = (bundle.vectors.astype(np.float64) * asked).sum(axis=1)
        found = search(bundle.index(library), bundle.vectors, asked, 10)  # before any re-ranking
        # Photos that differ in the last digit of a score may change places.
        rows = found.ids[0]
        assert len(set(rows)) == 10
        np.testing.assert_allclose(scores[rows], np.sort(scores)[::-1][:10], rtol=1e-6)
        np.testing.assert_allclose(found.scores[0], scores[rows], rtol=1e-6)


@pytest.mark.parametrize("library", ["faiss", "annoy"])
def test_asking_for_more_than_there_is_gives_every_train_photo_once(synced_once: Workplace, library: str):
    photo = synced_once.photos / "test" / "test_00001.jpg"
    found = search_photo(photo, synced_once.settings(), library, 100)
    assert sorted(row["name"] for row in found) == sorted(p.name for p in (synced_once.photos / "train").iterdir())
    assert [row["name"] for row in search_photo(photo, synced_once.settings(), library, 4)] == [
        row["name"] for row in found[:4]
    ]


def test_a_border_changes_nothing(synced_once: Workplace, tmp_path: Path):
    """To the last digit: what lies inside is the same, and nothing else is looked at."""
    with Image.open(synced_once.photos / "test" / "test_00003.jpg") as photo:
        photo.save(tmp_path / "clean.png")
        ImageOps.expand(photo, 11, (250, 240, 230)).save(tmp_path / "framed.png")
    names = "clean.png", "framed.png"
    clean, framed = (search_photo(tmp_path / name, synced_once.settings(), "faiss", 10) for name in names)
    assert clean == framed


def test_what_is_no_photo_is_refused(synced_once: Workplace):
    with pytest.raises(InputError, match=r"a photo at .*imgsim\.toml"):
        search_photo(synced_once.config, synced_once.settings(), "faiss", 10)
    with pytest.raises(InputError, match="a photo at"):
        search_photo(synced_once.folder / "nowhere.jpg", synced_once.settings(), "faiss", 10)


def test_nothing_published_is_told(unsynced: Workplace):
    with pytest.raises(ArtefactError, match="run `imgsim sync`"):
        open_bundle(unsynced.settings())
    with pytest.raises(ArtefactError, match="run `imgsim sync`"):
        publication_of(unsynced.settings())


def test_a_comparison_of_an_older_version_is_told(synced: Workplace):
    assert open_comparison(whole_publication(synced.state)).verdict.startswith("No verdict: 12 photos asked")
    whole = synced.published.resolve()
    (whole / "bundle" / "verdict.txt").unlink()
    older = whole.rename(whole.with_name(versioned_folder.version_of(versioned_folder.describe(whole), {})))
    synced.published.unlink()
    synced.published.symlink_to(Path("publications", older.name))
    with pytest.raises(ArtefactError, match=r"none, it is older; .* `imgsim sync`"):
        open_comparison(whole_publication(synced.state))


def test_a_damaged_publication_answers_nothing_and_names_the_command_that_mends_it(synced: Workplace):
    path = synced.published / "bundle" / "gallery.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    for command in (["search", str(synced.photos / "test" / "test_00000.jpg")], ["compare"]):
        done = synced.run(*command)
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith("imgsim: expected the publication ")
        assert "files that changed or are gone; to mend: run `imgsim sync`, which publishes it again" in done.err
    assert "damaged; `imgsim sync` publishes it again" in synced.run("versions").out


def test_weights_that_changed_since_are_refused(synced: Workplace):
    """A query by other weights lies in another space: any answer would be noise."""
    assert open_bundle(synced.settings()).vectors.shape[0] == 30
    model = synced.folder / "tiny.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(ArtefactError, match="made the published gallery, backbones"):
        open_bundle(synced.settings())


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"canny": {"blur": 2.0}}, "canny"),
        ({"backbones": {"tiny": {"views": ["rgb"]}}}, "backbones"),
        ({"ingest": {"max_pixels": 5}}, "max_pixels"),
    ],
)
def test_settings_that_would_give_other_vectors_are_refused(synced_once: Workplace, change: dict, name: str):
    with pytest.raises(ArtefactError, match=f"made the published gallery, {name} = .* run `imgsim sync`"):
        open_bundle(synced_once.settings(change))


def test_settings_of_edges_count_where_a_view_shows_them():
    def facts(views: list[str], **canny: int):
        backbones = {"one": {"uri": "classic:colour", "views": views}}
        return bundle_facts(Settings.model_validate({"backbones": backbones, "canny": canny}))

    assert facts(["rgb", "mirror"]) == facts(["rgb", "mirror"], low=50, high=150)
    assert facts(["rgb", "canny_edges"]) != facts(["rgb", "canny_edges"], low=50, high=150)


def test_edges_are_found_for_a_view_that_shows_them_alone(synced_once: Workplace, monkeypatch: pytest.MonkeyPatch):
    photo, settings, crop = synced_once.photos / "test" / "test_00000.jpg", synced_once.settings(), SquareFraming(32)
    assert open_any(photo, settings, [Frame("rgb", crop), Frame("canny_focus", crop)]).edges is not None
    monkeypatch.setattr("imgsim_assets.serving.describe.edges_of_file", lambda *_: pytest.fail("edges are found"))
    assert open_any(photo, settings, [Frame("rgb", crop), Frame("zoom", crop)]).edges is None


def test_how_fast_it_runs_is_free(synced_once: Workplace):
    photo = synced_once.photos / "test" / "test_00002.jpg"
    faster = synced_once.settings({"runtime": {"threads": 2, "batch_size": 1}})
    assert search_photo(photo, faster, "faiss", 10) == search_photo(photo, synced_once.settings(), "faiss", 10)


def test_the_bundle_holds_the_gallery_and_both_indices(synced_once: Workplace):
    bundle = open_bundle(synced_once.settings())
    assert bundle.gallery.height == len(bundle.vectors) == 30
    assert {bundle.index(one).size for one in ("faiss", "annoy")} == {30}


def test_the_bundle_still_answers_when_the_model_was_moved(synced: Workplace):
    """Where the weights are is no part of what they are."""
    photo = synced.photos / "test" / "test_00000.jpg"
    before = search_photo(photo, synced.settings(), "faiss", 10)
    (synced.folder / "models").mkdir()
    (synced.folder / "tiny.onnx").rename(synced.folder / "models" / "tiny.onnx")
    synced.config.write_text(synced.config.read_text().replace("onnx:tiny.onnx", "onnx:models/tiny.onnx"))
    assert synced.sync().failed == []
    assert search_photo(photo, synced.settings(), "faiss", 10) == before


@pytest.mark.parametrize("content", [None, b"no photo"])
def test_a_photo_that_is_none_is_refused_before_a_model_is_loaded(
    synced_once: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
):
    path = tmp_path / "photo.jpg"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr("imgsim_assets.serving.models.ready_backbone", lambda *_: pytest.fail("a model is loaded"))
    with pytest.raises(InputError, match="a photo at"):
        search_photo(path, synced_once.settings(), "faiss", 10)
