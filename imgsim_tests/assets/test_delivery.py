"""What is lost is made again, and only that."""

import datetime as dt
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from imgsim_assets.assets.delivery import publication as delivery
from imgsim_assets.definitions import build_definitions
from imgsim_assets.orchestration.claims import broken_claims
from imgsim_assets.retrieval.ann.exact import ExactIndex
from imgsim_assets.serving.layout import FILES
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


def gone(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path: Path) -> None:
    """One bit, size and time of writing as before: the time of change is what tells."""
    before, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("damage", [gone, cut, flipped, emptied])
def test_every_published_file_is_vouched_for(synced: Workplace, name: str, damage: Callable[[Path], None]):
    settings = synced.settings()
    claims = {"publication": "", "submission": synced.store.artefacts.open("submission").manifest.version}
    assert broken_claims(synced.store, settings, claims) == set()
    damage(synced.published / name)
    assert broken_claims(synced.store, settings, claims) == {"publication"}


def test_an_asset_that_was_killed_before_its_claim_was_recorded_is_made_again(synced: Workplace):
    """What lies there was made with other settings, which have been turned back since."""
    assert synced.status()["clusters"].state == "fresh"
    synced.store.artefacts.keep("clusters", lambda folder: (folder / "other").touch(), {})
    assert synced.status()["clusters"].state == "missing"


@pytest.mark.slow
@pytest.mark.parametrize("damage", [gone, cut, flipped, emptied])
def test_a_damaged_publication_is_published_again_and_nothing_else_is_made(synced: Workplace, damage):
    names = "submission.csv", "metrics.json", "bundle/gallery.npy", "bundle/bundle.json", "bundle/recall.json"
    before = {name: (synced.published / name).read_bytes() for name in names}
    for name in names:
        damage(synced.published / name)
    assert synced.sync().materialized == ["publication"]
    assert {name: (synced.published / name).read_bytes() for name in names} == before
    assert synced.sync().materialized == []


@pytest.mark.slow
def test_a_bit_that_is_flipped_in_an_artefact_and_its_publication_is_mended_in_both(synced: Workplace):
    before = synced.submission()
    flipped(synced.store.artefacts.open("submission").path("submission.csv"))
    flipped(synced.published / "submission.csv")
    assert synced.sync().materialized == ["submission", "publication"]
    assert synced.submission() == before


@pytest.mark.slow
@pytest.mark.parametrize("key", ["ranking_choice", "metric_head", "gallery_vectors", "learning_set"])
def test_an_artefact_of_which_a_bit_is_flipped_is_not_kept_on(synced: Workplace, key: str):
    """Not even by an asset that keeps what it made before while few labels change."""
    before, artefact = synced.submission(), synced.store.artefacts.open(key)
    for name in artefact.manifest.files:
        flipped(artefact.path(name))
    assert key in synced.sync().materialized
    assert synced.store.artefacts.open(key, verify=True).manifest.version == artefact.manifest.version
    assert synced.submission() == before


@pytest.mark.slow
def test_vectors_and_edges_that_are_gone_are_computed_again(synced: Workplace):
    """The artefact of an embedding names its vectors; without them it is a claim that does not hold."""
    before = synced.submission()
    shutil.rmtree(synced.state / "content")
    shutil.rmtree(synced.state / "artefacts" / "metric_head")
    done = synced.run("sync")
    assert done.status == 0, done.out + done.err
    assert synced.submission() == before


@pytest.mark.slow
@pytest.mark.parametrize(("part", "damage"), [("data/*.lance", flipped), ("_versions/*.manifest", cut)])
def test_damaged_rows_by_content_are_computed_again_and_the_sync_says_so(synced: Workplace, part: str, damage):
    """Vectors, edges, and what is known of photos: of each table one file."""
    before, tables = synced.submission(), sorted((synced.state / "content").glob("*/*/"))
    assert len(tables) == 5
    for table in tables:
        damage(min(table.glob(part)))
    if damage is flipped:
        assert synced.status()["embeddings/tiny"].state == "missing"
    outcome = synced.sync()
    assert {"canny_maps", "embeddings/tiny"} <= set(outcome.materialized)
    assert sum("cannot be trusted are computed again" in note for note in outcome.notes) >= 4
    assert synced.submission() == before
    assert synced.sync().materialized == []


def test_ids_that_the_gallery_does_not_know_are_counted(synced: Workplace):
    settings, store = synced.settings(), synced.store
    none = {"faiss_index": 0, "annoy_index": 0, "submission": 0}
    assert delivery._foreign_ids(store, settings) == none
    listed = next(iter(synced.lists().values()))[0]
    strange = synced.submission().decode().replace(listed, "stranger.jpg")
    store.artefacts.keep("submission", lambda folder: (folder / "submission.csv").write_text(strange), {})
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
