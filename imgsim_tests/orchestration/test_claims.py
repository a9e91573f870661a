"""What Dagster says was made holds only where it lies in the state folder, whole, and is that."""

from pathlib import Path

import numpy as np
import pytest

from imgsim_assets.orchestration.claims import broken_claims, content_tables, mend_tables, recorded_tables
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.storage import ledger
from imgsim_assets.storage.vector_rows import vector_rows, vector_schema


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(ledger, "GRAIN", -(10**12))  # files of this moment are remembered too
    return Store(state=str(tmp_path))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(overrides={"places": {"state": str(tmp_path)}}, environ={})


def fill(store: Store, name: str) -> Path:
    store.content_table(name, vector_schema(2)).append(vector_rows(["x"], np.ones((1, 2), np.float32)))
    return store.content / name


def keep(store: Store, key: str, **facts) -> str:
    return store.artefacts.keep(key, lambda folder: (folder / "a").write_text("a"), facts).version


def damage(table: Path) -> None:
    (file,) = (table / "data").iterdir()
    file.write_bytes(file.read_bytes()[:-7])


def test_a_claim_holds_where_that_version_is_there_and_whole(store: Store, settings: Settings):
    version = keep(store, "clusters")
    assert broken_claims(store, settings, {"clusters": version}) == set()
    assert broken_claims(store, settings, {"clusters": "another", "metric_head": version}) == {
        "clusters",
        "metric_head",
    }
    (store.artefacts.open("clusters").folder / "a").write_text("b")
    assert broken_claims(store, settings, {"clusters": version}) == {"clusters"}


@pytest.mark.parametrize("facts", [{"fingerprint": "canny-1"}, {"fingerprints": {"rgb": "clip/1"}}])
def test_a_claim_of_rows_holds_where_they_are_there_and_whole(store: Store, settings: Settings, facts):
    version = keep(store, "made", **facts)
    (name,) = recorded_tables(store.artefacts.open("made").manifest)
    assert broken_claims(store, settings, {"made": version}) == {"made"}
    table = fill(store, name)
    assert broken_claims(store, settings, {"made": version}) == set()
    damage(table)
    assert broken_claims(store, settings, {"made": version}) == {"made"}


def test_a_publication_holds_where_all_its_files_are_there(store: Store, settings: Settings):
    assert broken_claims(store, settings, {"publication": "any"}) == {"publication"}
    store.publish(lambda folder: (folder / "submission.csv").touch(), 1)
    assert broken_claims(store, settings, {"publication": "any"}) == {"publication"}  # half of one


@pytest.mark.parametrize(("key", "stays"), [("raw_images", True), ("canny_maps", False)])
def test_damaged_tables_are_mended_and_what_claims_their_rows_is_withdrawn_first(
    store: Store, settings: Settings, key: str, stays: bool
):
    (name,) = content_tables(settings)[key]
    table = fill(store, name)
    version = keep(store, key)
    assert mend_tables(store, settings) == []
    damage(table)
    (said,) = mend_tables(store, settings)
    assert said == f"{table} was damaged: the rows of {key} that cannot be trusted are computed again"
    assert not store.has_table(name)
    assert (broken_claims(store, settings, {key: version}) == set()) == stays
    assert mend_tables(store, settings) == []
