"""What is lost is made again, and only that."""

import datetime as dt
import shutil

import dagster as dg
import numpy as np
import pytest

from imgsim_assets.assets import delivery
from imgsim_assets.definitions import build_definitions
from imgsim_assets.retrieval.ann.exact import ExactIndex
from imgsim_assets.settings_sources import load_settings
from imgsim_tests.workplace import Workplace


@pytest.mark.slow
def test_an_artefact_that_is_gone_is_made_again_and_nothing_else(synced: Workplace):
    shutil.rmtree(synced.state / "artefacts" / "clusters")
    assert synced.status()["clusters"].state == "missing"
    assert synced.sync().materialized == ["clusters"]
    assert synced.store.artefacts.open("clusters", verify=True)
    assert synced.sync().materialized == []


@pytest.mark.slow
def test_an_artefact_that_was_cut_short_is_made_again(synced: Workplace):
    path = synced.store.artefacts.open("gallery_vectors").path("vectors.npy")
    path.write_bytes(path.read_bytes()[:-1])
    assert synced.sync().materialized == ["gallery_vectors"]


@pytest.mark.slow
def test_a_publication_that_is_gone_is_published_again(synced: Workplace):
    before = synced.submission()
    synced.published.unlink()
    assert synced.sync().materialized == ["publication"]
    assert synced.submission() == before

    synced.published.unlink()
    shutil.rmtree(synced.state / "publications")
    assert synced.sync().materialized == ["publication"]
    assert synced.submission() == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["submission.csv", "metrics.json", "bundle/gallery.npy"])
def test_a_published_file_that_is_gone_is_published_again(synced: Workplace, name: str):
    content = (synced.published / name).read_bytes()
    (synced.published / name).unlink()
    done = synced.run("sync")
    assert done.status == 0, done.err
    assert (synced.published / name).read_bytes() == content


@pytest.mark.slow
def test_vectors_and_edges_that_are_gone_are_computed_again(synced: Workplace):
    """The artefact of an embedding names its vectors; without them it is a claim that does not hold."""
    before = synced.submission()
    shutil.rmtree(synced.state / "content")
    shutil.rmtree(synced.state / "artefacts" / "metric_head")
    done = synced.run("sync")
    assert done.status == 0, done.out + done.err
    assert synced.submission() == before


def test_ids_that_the_gallery_does_not_know_are_counted(synced: Workplace):
    settings, store = synced.settings(), synced.store
    none = {"faiss_index": 0, "annoy_index": 0, "submission": 0}
    assert delivery._foreign_ids(store, settings) == none
    listed = next(iter(synced.lists().values()))[0]
    strange = synced.submission().decode().replace(listed, "stranger.jpg")
    store.artefacts.publish("submission", lambda folder: (folder / "submission.csv").write_text(strange), {})
    assert delivery._foreign_ids(store, settings) == none | {"submission": 1}


@pytest.mark.parametrize("size", [29, 31])
def test_an_index_of_more_or_fewer_photos_is_counted(synced_once: Workplace, monkeypatch, size: int):
    vectors = np.zeros((30, 2), np.float32)
    opened = {"faiss": (ExactIndex(vectors[:1].repeat(size, axis=0)), vectors), "annoy": (ExactIndex(vectors), vectors)}
    monkeypatch.setattr(delivery, "open_index", lambda _, __, library: opened[library])
    found = delivery._foreign_ids(synced_once.store, synced_once.settings())
    assert found == {"faiss_index": 1, "annoy_index": 0, "submission": 0}


@pytest.mark.parametrize("hours", [None, 36])
def test_a_publication_is_overdue_only_where_a_person_says_so(hours):
    definitions = build_definitions(load_settings(overrides={"automation": {"fresh_hours": hours}}, environ={}))
    (spec,) = [one for one in definitions.resolve_all_asset_specs() if one.key == dg.AssetKey("publication")]
    policy = spec.freshness_policy
    assert (policy is None) == (hours is None)
    if policy is not None:
        assert policy.fail_window.to_timedelta() == dt.timedelta(hours=36)
