"""Cleaning up: nothing that is referred to goes, and what stays still costs nothing."""

import json

import pytest

from imgsim_tests.orchestration.test_sync import whole
from imgsim_tests.workplace import Workplace

pytestmark = pytest.mark.slow


def tables(workplace: Workplace) -> set[str]:
    content = workplace.state / "content"
    return {path.parent.relative_to(content).as_posix() for path in content.rglob("_versions")}


def gc(workplace: Workplace, *options: str) -> dict:
    done = workplace.run("gc", "--json", *options)
    assert done.status == 0, done.err
    return json.loads(done.out)


def test_after_a_first_sync_there_is_nothing_to_remove(synced: Workplace):
    assert gc(synced, "--keep", "0") == {"removed": False, "garbage": []}
    assert "0.0 MB  would go" in synced.run("gc").out


def test_first_it_only_says_and_then_it_removes_what_no_setting_refers_to(synced: Workplace):
    used = tables(synced)
    for blur in (2.0, 3.0):
        synced.sync({"canny": {"blur": blur}})
    synced.sync()
    turned = tables(synced) - used
    assert len(turned) == 6  # edges, and the vectors of two views that read them, twice

    said = gc(synced, "--keep", "1")
    named = {one["path"].removeprefix("content/") for one in said["garbage"] if one["path"].startswith("content/")}
    assert len(named & turned) == 1 + 3  # the newest of each kind stays
    assert tables(synced) == used | turned
    assert gc(synced, "--keep", "1", "--yes")["garbage"] == said["garbage"]
    assert tables(synced) == (used | turned) - named
    gc(synced, "--keep", "0", "--yes")
    assert tables(synced) == used
    assert gc(synced, "--keep", "0")["garbage"] == []

    assert synced.sync().materialized == []
    assert whole(synced) is not None
    synced.sync({"canny": {"blur": 2.0}})  # what was removed is made again
    assert synced.metadata("canny_maps")["computed"] > 0


def test_what_an_asset_made_that_is_gone_goes_too(synced: Workplace):
    text = synced.config.read_text(encoding="utf-8")
    synced.config.write_text(text.replace("[backbones.tiny]", "[backbones.small]"), encoding="utf-8")
    synced.sync()
    assert "artefacts/embeddings/tiny" in {one["path"] for one in gc(synced, "--yes")["garbage"]}
    assert not (synced.state / "artefacts" / "embeddings" / "tiny").exists()
    assert synced.sync().materialized == []


def test_what_was_begun_for_an_asset_that_is_gone_goes_too(synced: Workplace):
    begun = synced.state / "unfinished" / "fine_tuned" / "gone"
    begun.mkdir(parents=True)
    (begun / "0").write_bytes(b"checkpoint")
    assert "unfinished/fine_tuned/gone" in {one["path"] for one in gc(synced, "--yes")["garbage"]}
    assert not begun.exists()


def test_an_exported_network_that_no_backbone_is_goes_too(synced: Workplace):
    other = synced.state / "engines" / "engine-1-of-another"
    other.mkdir(parents=True)
    (other / "network.bin").write_bytes(b"weights")
    assert "engines/engine-1-of-another" in {one["path"] for one in gc(synced, "--yes")["garbage"]}
    assert not other.exists()


def test_it_leaves_while_a_sync_is_at_work(synced: Workplace):
    from filelock import FileLock

    with FileLock(synced.state / "sync.lock"):
        done = synced.run("gc", "--yes")
    assert done.status == 1
    assert "sync.lock held by one" in done.err
