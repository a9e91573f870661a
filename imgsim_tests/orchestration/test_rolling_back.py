"""What is published, what is refused, and the way back."""

import json
from pathlib import Path

import polars as pl
import pytest
from mlflow import MlflowClient

from imgsim_assets.assets.delivery.publication import GATE_TAG
from imgsim_assets.resources.registry import CHAMPION, MODEL, PUBLICATION_TAG
from imgsim_assets.storage.publication import publications
from imgsim_assets.storage.versioned_folder import describe, version_of
from imgsim_tests.workplace import Workplace

pytestmark = pytest.mark.slow
ANOTHER = {"report": {"queries": 2}}


def champion(workplace: Workplace) -> str:
    """The publication that MLflow's registry calls the champion."""
    client = MlflowClient(f"sqlite:///{workplace.state / 'mlflow.db'}")
    return client.get_model_version_by_alias(MODEL, CHAMPION).tags[PUBLICATION_TAG]


def pretend_that_it_was_better(workplace: Workplace) -> None:
    """Let the published ranking have been as good as none can be."""
    before = workplace.published.resolve()
    path = before / "bundle" / "cross_validation.parquet"
    pl.read_parquet(path).with_columns(average_precision=pl.lit(1.01)).write_parquet(path)
    better = before.rename(before.with_name(version_of(describe(before), {})))
    workplace.published.unlink()
    workplace.published.symlink_to(Path("publications", better.name))


def test_what_is_worse_by_the_labels_of_train_is_not_published_and_says_why(synced: Workplace):
    pretend_that_it_was_better(synced)
    before, submission, crowned = synced.published.readlink(), synced.submission(), champion(synced)
    for _ in range(2):
        outcome = synced.try_to_sync(ANOTHER)
        assert outcome.failed == ["publication"]
        (reason,) = outcome.reasons
        assert "expected a ranking that may take the place of the published one; found quality: asked" in reason
        assert "at least 1.0100" in reason
        assert "publication.gate = 'off'" in reason
        assert not outcome.person_can_mend
    assert (synced.published.readlink(), synced.submission(), champion(synced)) == (before, submission, crowned)
    with synced.opened() as (_, instance):
        assert [run.tags.get(GATE_TAG) for run in instance.get_runs(limit=1)] == ["refused"]

    assert synced.sync(ANOTHER | {"publication": {"gate": "off"}}).materialized == ["publication"]
    assert synced.published.readlink() != before
    assert champion(synced) == synced.published.readlink().name != crowned


def test_hidden_labels_have_no_say(synced: Workplace):
    """Worse by the hidden labels alone is published: nothing may be chosen by them."""
    rows = (synced.photos / "solution.csv").read_text().splitlines()
    names, labels = zip(*(row.split(",") for row in rows[1:]), strict=True)
    shifted = [*labels[2:], *labels[:2]]
    (synced.photos / "solution.csv").write_text("\n".join([rows[0], *map(",".join, zip(names, shifted, strict=True))]))
    assert "publication" in synced.sync().materialized


def test_back_to_an_older_version_and_forward_again(synced: Workplace):
    old = synced.published.readlink().name
    synced.sync(ANOTHER)
    new = synced.published.readlink().name
    assert champion(synced) == new
    listed = json.loads(synced.run("versions", "--json").out)
    assert [(one["name"], one["is_current"]) for one in listed] == [(new, True), (old, False)]
    assert all(one["score"].startswith("MAP@10 ") for one in listed)

    done = synced.run("rollback", old[:10])
    assert done.status == 0, done.err
    assert done.out.startswith(f"published {old[:8]} again, version ")
    assert synced.published.readlink().name == champion(synced) == old
    assert f"* {old[:8]}" in synced.run("versions").out
    assert synced.sync(ANOTHER).materialized == []  # it stays until something changes
    assert synced.published.readlink().name == old

    assert json.loads(synced.run("rollback", new, "--json").out)["published"] == new
    assert synced.published.readlink().name == champion(synced) == new


@pytest.mark.parametrize("version", ["nothing", "", "0" * 40])
def test_a_version_that_is_none(synced: Workplace, version: str):
    before = synced.published.readlink()
    done = synced.run("rollback", version)
    assert done.status == 2
    assert "see `imgsim versions`" in done.err
    assert synced.published.readlink() == before


def test_before_anything_is_published(unsynced: Workplace):
    assert unsynced.run("versions").out == ""
    assert unsynced.run("rollback", "abc").status == 2


def test_as_many_versions_stay_as_the_settings_say(synced: Workplace):
    for queries in (2, 1, 4):
        synced.sync({"report": {"queries": queries}, "publication": {"kept": 2}})
    assert len(publications(synced.state)) == 2
    assert publications(synced.state)[0].name == synced.published.readlink().name


def test_an_older_version_that_was_damaged_is_not_gone_back_to_and_gc_removes_it(synced: Workplace):
    old = synced.published.readlink().name
    synced.sync(ANOTHER)
    damaged = synced.state / "publications" / old / "metrics.json"
    damaged.write_bytes(b"{" + damaged.read_bytes()[1:-1])
    assert "damaged; `imgsim gc --yes` removes it" in synced.run("versions").out
    new = synced.published.readlink().name
    done = synced.run("rollback", old)
    assert done.status == 2
    assert "files that changed or are gone; to mend: publish another one; `imgsim gc --yes`" in done.err
    assert synced.published.readlink().name == new
    assert "an older publication that was damaged" in synced.run("gc", "--yes").out
    assert not damaged.parent.exists()
    assert old[:8] not in synced.run("versions").out
