"""The door for notebooks: what it gives is what was published, and one publication at a time."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgsim_assets.api import Publication, open_publication, publication_of
from imgsim_assets.errors import ArtefactError, InputError, UserError
from imgsim_tests.workplace import ROOT, Workplace, own_environment

HEAVY = [
    "torch",
    "dagster",
    "mlflow",
    "faiss",
    "annoy",
    "lance",
    "cv2",
    "timm",
    "transformers",
    "sklearn",
    "matplotlib",
]


@pytest.fixture(scope="module")
def opened(synced_once: Workplace) -> Publication:
    return open_publication(synced_once.state, config=synced_once.config)


def test_importing_it_loads_no_heavy_library():
    script = f"import sys; import imgsim_assets.api; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_photos_are_those_of_the_folder(opened: Publication, synced_once: Workplace):
    for split in ("train", "test"):
        names = opened.photos.filter(split=split)["name"].to_list()
        assert names == sorted(path.name for path in (synced_once.photos / split).iterdir())
    assert opened.photos["width"].dtype == pl.Int32
    assert opened.quarantine.is_empty()
    labels = dict(pl.read_csv(synced_once.photos / "train.csv").select("image", "label").iter_rows())
    assert dict(opened.labels.select("name", "label").iter_rows()) == labels
    assert opened.photos.filter(split="test")["label"].null_count() == 12  # hidden ones are not shown


@pytest.mark.parametrize("view", ["rgb", "canny_focus", "canny_edges"])
def test_embeddings_are_unit_vectors_of_every_content(opened: Publication, view: str):
    assert opened.backbones == {"tiny": ("canny_edges", "canny_focus", "rgb")}
    found = opened.embeddings("tiny", view)
    assert set(found.content_ids) == set(opened.photos["content_id"])
    assert list(found.content_ids) == sorted(found.content_ids)
    assert found.vectors.dtype == np.float32
    assert found.vectors.shape[0] == len(found.content_ids)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)


def test_views_are_told_apart(opened: Publication):
    assert not np.allclose(opened.embeddings("tiny").vectors, opened.embeddings("tiny", "canny_edges").vectors)


@pytest.mark.parametrize(("backbone", "view"), [("large", "rgb"), ("tiny", "mirror")])
def test_embeddings_that_are_not_there_are_refused_with_those_that_are(opened: Publication, backbone: str, view: str):
    with pytest.raises(UserError, match=rf"tiny \(canny_edges, canny_focus, rgb\); found {backbone} \({view}\)"):
        opened.embeddings(backbone, view)


@pytest.mark.parametrize("library", ["faiss", "annoy", None])
def test_neighbours_are_the_submitted_lists(opened: Publication, synced_once: Workplace, library):
    found = opened.neighbours(library)
    lists = dict(found.sort("query", "rank").group_by("query", maintain_order=True).agg("name").iter_rows())
    assert lists == synced_once.lists()
    assert found["rank"].min() == 1
    assert found.schema["score"] == pl.Float32


def test_metrics_and_versions_are_those_of_the_folder(opened: Publication, synced_once: Workplace):
    assert opened.metrics == json.loads((synced_once.published / "metrics.json").read_bytes())
    assert opened.folder == synced_once.published.resolve()
    assert [(one.name, one.is_current) for one in opened.versions] == [(opened.version, True)]
    assert opened.comparison.table["library"].to_list() == ["faiss", "annoy"]


def test_several_photos_files_and_arrays_are_answered_in_their_order(
    opened: Publication, synced_once: Workplace, tmp_path: Path
):
    names = ["test_00000.jpg", "test_00003.jpg"]
    paths = [synced_once.photos / "test" / name for name in names]
    array = np.asarray(Image.open(paths[0]).convert("RGB"))
    Image.fromarray(array).save(tmp_path / "same.png")
    found = opened.search([paths[0], str(paths[1]), array, tmp_path / "same.png"], count=4)
    assert found["query"].to_list() == sorted([0, 1, 2, 3] * 4)
    assert found["rank"].to_list() == [1, 2, 3, 4] * 4
    answers = found.group_by("query", maintain_order=True).agg("name")["name"].to_list()
    assert answers[:2] == [synced_once.lists()[name][:4] for name in names]
    assert answers[2] == answers[3]
    labels = dict(opened.labels.select("name", "label").iter_rows())
    assert found["label"].to_list() == [labels[name] for name in found["name"]]


def test_no_photo_no_answer(opened: Publication):
    found = opened.search([])
    assert found.is_empty()
    assert found.columns == ["query", "rank", "name", "label", "score"]


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_an_array_that_is_no_picture_is_refused(opened: Publication, array: np.ndarray):
    with pytest.raises(InputError, match=re.escape(f"found {array.dtype} {list(array.shape)}")):
        opened.search([array])


def test_the_second_question_loads_nothing(
    opened: Publication, synced_once: Workplace, monkeypatch: pytest.MonkeyPatch
):
    photo = synced_once.photos / "test" / "test_00001.jpg"
    first = opened.search([photo])
    monkeypatch.setattr("imgsim_assets.serving.models.ready_backbone", lambda *_: pytest.fail("a model is loaded"))
    monkeypatch.setattr("imgsim_assets.serving.bundle.load_index", lambda *_: pytest.fail("an index is loaded"))
    assert opened.search([photo]).equals(first)


def test_nothing_of_it_can_be_changed(opened: Publication):
    with pytest.raises(dataclasses.FrozenInstanceError):
        opened.folder = Path()  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        opened.embeddings("tiny").vectors[0] = 0


@pytest.mark.slow
def test_what_is_opened_stays_while_another_is_published(synced: Workplace):
    before = publication_of(synced.settings())
    photo = next(iter(sorted((synced.photos / "train").iterdir())))
    names = before.photos["name"].to_list()
    photo.unlink()
    (synced.photos / "train" / "broken.jpg").write_bytes(b"no photo")
    synced.sync({"publication": {"gate": "off"}})
    after = publication_of(synced.settings())
    assert after.version != before.version
    assert before.photos["name"].to_list() == names
    assert photo.name not in after.photos["name"].to_list()
    assert after.quarantine["name"].to_list() == ["broken.jpg"]
    for one in (before, after):
        assert set(one.neighbours()["name"]) <= set(one.labels["name"])
        answered = one.search([synced.photos / "test" / "test_00000.jpg"], count=30)
        assert set(answered["name"]) == set(one.labels["name"])
        assert set(one.embeddings("tiny").content_ids) == set(one.photos["content_id"])

    synced.sync({"publication": {"gate": "off", "kept": 1}, "submission": {"count": 3}})
    with pytest.raises(ArtefactError, match="later ones have taken its place; to mend: open it again"):
        before.neighbours()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ArtefactError, match=r"no such folder; to mend: run `imgsim sync`.* or name the state folder"):
        open_publication(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_which_nothing_was_published_is_told(tmp_path: Path):
    with pytest.raises(ArtefactError, match="found nothing; to mend: run `imgsim sync`, which publishes"):
        open_publication(tmp_path)


def test_damage_is_told_when_it_is_opened(synced: Workplace):
    path = synced.published / "bundle" / "catalogue.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match="files that changed or are gone; to mend: run `imgsim sync`"):
        publication_of(synced.settings())


def test_vectors_that_are_gone_are_told(synced: Workplace):
    found = publication_of(synced.settings())
    (synced.state / "content" / "vectors").rename(synced.state / "content" / "elsewhere")
    with pytest.raises(ArtefactError, match=r"the vectors of tiny at .* run `imgsim sync`"):
        found.embeddings("tiny")


def test_the_page_for_notebooks_runs(synced_once: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    for place, name in (
        (synced_once.state, ".imgsim"),
        *((synced_once.folder / n, n) for n in ("photos", "tiny.onnx")),
    ):
        (tmp_path / name).symlink_to(place)
    (tmp_path / "imgsim.toml").write_text(synced_once.config.read_text())
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "notebook.md").read_text(encoding="utf-8"), re.S)
    assert len(snippets) >= 3
    names: dict = {}
    with own_environment():
        for snippet in snippets:
            exec(compile(snippet, "docs/notebook.md", "exec"), names)
    assert "(30, 30) train_00000.jpg" in capsys.readouterr().out
