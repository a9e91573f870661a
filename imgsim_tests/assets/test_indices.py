"""An index is opened only if it is the one that was written, of the photos that are there."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from imgsim_assets.assets.keys import GALLERY, index_key
from imgsim_assets.assets.search.indices import open_index
from imgsim_assets.assets.search.vectors import VECTORS_FILE
from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann import build
from imgsim_assets.retrieval.ann.copies import vectors_held
from imgsim_assets.retrieval.ann.protocol import LIBRARIES
from imgsim_assets.serving.bundle import open_bundle
from imgsim_assets.serving.comparison import open_comparison
from imgsim_assets.storage.formats import write_array, write_table
from imgsim_tests.broken_files import picture
from imgsim_tests.retrieval.ann.broken_annoy import build_broken_annoy
from imgsim_tests.workplace import Workplace


def save_euclidean_annoy(path: Path, dimension: int) -> None:
    """A sound index of another metric, which Annoy would map as if it were ours, and crash."""
    from annoy import AnnoyIndex

    index = AnnoyIndex(dimension, "euclidean")
    for row in range(40):
        index.add_item(row, [float(row == place) for place in range(dimension)])
    index.build(2, n_jobs=1)
    index.save(str(path))


def built_from(workplace: Workplace) -> int:
    """How many distinct vectors the index learned from: the small model of these tests gives some photos the same."""
    return int(workplace.store.artefacts.open(index_key("faiss")).manifest.facts["built_from"])


def test_a_file_of_another_metric_is_never_given_to_the_library(synced: Workplace):
    bundle = open_bundle(synced.settings())
    save_euclidean_annoy(bundle.folder / "annoy.index", bundle.vectors.shape[1])
    with pytest.raises(ArtefactError, match=r"annoy\.index; found other bytes"):
        bundle.index("annoy")
    assert bundle.index("faiss").size == 30


@pytest.mark.parametrize("library", LIBRARIES)
def test_one_changed_byte_is_noticed(synced: Workplace, library: str):
    path = synced.store.artefacts.open(index_key(library)).path("index")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match="another content"):
        open_index(synced.store, synced.settings(), library)


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_index_of_other_photos_is_noticed(synced: Workplace, library: str):
    """The same vectors, but row i is another photo."""
    open_index(synced.store, synced.settings(), library)
    vectors = synced.store.artefacts.open(GALLERY)
    rows, values = synced.table(GALLERY).reverse(), vectors.path(VECTORS_FILE)

    def write(folder: Path) -> None:
        write_table(folder / "table.parquet", rows)
        write_array(folder / VECTORS_FILE, np.load(values))

    synced.store.artefacts.keep(GALLERY, write, vectors.manifest.facts)
    with pytest.raises(ArtefactError, match="of other photos"):
        open_index(synced.store, synced.settings(), library)


@pytest.mark.slow
def test_where_annoy_is_broken_faiss_publishes_and_it_is_said(synced: Workplace, monkeypatch: pytest.MonkeyPatch):
    before, published = synced.submission(), synced.published.resolve()
    monkeypatch.setattr(build, "build_annoy", build_broken_annoy)
    synced.sync({"annoy": {"seed": 9}, "submission": {"index": "annoy"}})
    assert synced.published.resolve() != published
    assert synced.submission() == before
    assert "FAISS in Annoy's place" in open_comparison(synced.published).verdict
    assert synced.run("search", str(next(synced.photos.glob("test/*"))), "--index", "annoy").status == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ivf", "flat"])
def test_a_new_photo_is_added_to_an_index_that_learned_something(synced: Workplace, kind: str):
    chosen = {"faiss": {"kind": kind}}
    synced.sync(chosen)
    before = built_from(synced)
    picture(77).save(synced.photos / "train" / "0.png")
    synced.sync(chosen)
    facts = synced.store.artefacts.open(index_key("faiss")).manifest.facts
    assert (facts["count"], facts["built_from"]) == (31, before if kind == "ivf" else before + 1)
    assert synced.table(GALLERY)["name"][0] == "0.png"  # so that every other photo has another row than before
    grown = synced.table("faiss_neighbors")
    synced.sync({"faiss": {"kind": "flat"}})
    assert grown.equals(synced.table("faiss_neighbors"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ivf", "flat"])
def test_a_copy_of_a_photo_adds_no_vector_and_is_listed_beside_it(synced: Workplace, kind: str):
    """A labelled one, since what is known of a photo is part of its vector."""
    chosen = {"faiss": {"kind": kind}}
    synced.sync(chosen)
    before = built_from(synced)
    listed = next(iter(synced.lists().values()))[0]
    shutil.copyfile(synced.photos / "train" / listed, synced.photos / "train" / "copy.jpg")
    labels = synced.photos / "train.csv"
    label = dict(line.split(",") for line in labels.read_text().splitlines())[listed]
    labels.write_text(f"{labels.read_text()}copy.jpg,{label}\n")
    synced.sync(chosen)
    facts = synced.store.artefacts.open(index_key("faiss")).manifest.facts
    assert (facts["count"], facts["built_from"]) == (31, before)
    for library in LIBRARIES:
        assert vectors_held(open_index(synced.store, synced.settings(chosen), library)[0]) == before
        lists = synced.table(f"{library}_neighbors").group_by("query").agg("name")["name"].to_list()
        both = [one for one in lists if listed in one]
        assert both, "some list names it"
        for one in both:
            assert one.index("copy.jpg") < one.index(listed)  # as in the gallery


@pytest.mark.slow
def test_where_nothing_is_exact_by_default_what_was_tried_is_shown(synced: Workplace):
    exact = synced.table("faiss_neighbors")
    synced.sync({"faiss": {"exact_up_to": 0, "recall": 1.0}})
    tried = synced.metadata("faiss_index")["tried"]
    assert all(kind in tried for kind in ("flat", "ivf", "hnsw"))
    assert tried.count("true") == 1
    assert synced.table("faiss_neighbors").equals(exact)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["angular", "euclidean"])
def test_annoy_by_another_metric_is_published_and_searched(synced: Workplace, metric: str):
    chosen = {"annoy": {"metric": metric}}
    synced.sync(chosen)
    bundle = open_bundle(synced.settings(chosen))
    assert bundle.index("annoy").kind == metric
    assert synced.table("annoy_neighbors").equals(synced.table("faiss_neighbors"))
