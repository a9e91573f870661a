"""One order and one truth: what is published, what MLflow says of it, and what a person is told."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from imgsim_assets.resources import registry
from imgsim_assets.resources.own_store import address
from imgsim_assets.resources.tracked_run import TrackedRun
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.settings import Settings
from imgsim_tests.workplace import COMMAND, ROOT, Workplace, clean_environment

pytestmark = pytest.mark.slow
ANOTHER = {"report": {"queries": 2}}
SECRET = "s3cretpw"


class DyingBeforeTheCrown(Tracking):
    @contextmanager
    def run_for(self, dagster_run_id: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        with super().run_for(dagster_run_id, tags) as run:
            run.crown = self.die
            yield run

    def die(self, publication: str) -> None:
        raise RuntimeError("died")


def champion(workplace: Workplace) -> str:
    client = MlflowClient(address(workplace.state))
    return client.get_model_version_by_alias(registry.MODEL, registry.CHAMPION).tags[registry.PUBLICATION_TAG]


def running(workplace: Workplace) -> list[str]:
    client = MlflowClient(address(workplace.state))
    experiment = client.get_experiment_by_name("imgsim")
    found = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")
    return [run.info.run_id for run in found]


def test_an_experiment_that_was_deleted_is_restored_and_the_sync_says_so(synced: Workplace):
    client = MlflowClient(address(synced.state))
    client.delete_experiment(client.get_experiment_by_name("imgsim").experiment_id)
    outcome = synced.sync({"evaluation": {"seed": 7}})
    assert {"evaluation", "publication"} <= set(outcome.materialized)
    said = "the experiment imgsim was deleted in MLflow, and is restored"
    assert any(said in note for note in outcome.notes)
    assert said in outcome.in_words()
    assert said in synced.metadata("evaluation")["mlflow_says"]
    assert champion(synced) == synced.published.readlink().name


def test_a_store_that_cannot_be_used_does_not_stop_a_publication_and_is_told_later(synced: Workplace):
    (synced.state / "mlflow.db").unlink()
    (synced.state / "mlflow.db").mkdir()
    outcome = synced.sync(ANOTHER)
    assert outcome.materialized == ["retrieval_report", "publication"]
    (note,) = outcome.notes
    assert note.startswith("not all is noted in MLflow: ")
    assert synced.metadata("publication")["registered"] == "not in MLflow"

    (synced.state / "mlflow.db").rmdir()
    assert synced.sync(ANOTHER).materialized == []
    assert champion(synced) == synced.published.readlink().name
    assert running(synced) == []


def test_mlflow_that_refuses_before_the_publication_leaves_everything_as_it_is(synced: Workplace):
    """A server that a person named: its word is waited for."""
    before = synced.published.readlink(), sorted(path.name for path in (synced.state / "publications").iterdir())
    server = {"tracking": {"uri": f"sqlite:///{synced.folder / 'named.db'}"}}
    refusal = MlflowException("the registry is closed")
    with mock.patch.object(registry, "register", side_effect=refusal):
        outcome = synced.try_to_sync(ANOTHER | server)
    assert outcome.failed == ["publication"]
    assert "the registry is closed" in outcome.reasons[0]
    after = synced.published.readlink(), sorted(path.name for path in (synced.state / "publications").iterdir())
    assert after == before


def test_mlflow_that_refuses_after_the_publication_stops_nothing_and_is_told_later(synced: Workplace):
    old = synced.published.readlink().name
    with mock.patch.object(registry, "crown", side_effect=MlflowException("the alias is taken")):
        outcome = synced.sync(ANOTHER)
    assert "publication" in outcome.materialized
    assert any("the alias is taken" in note for note in outcome.notes)
    assert champion(synced) == old != synced.published.readlink().name
    assert synced.sync(ANOTHER).materialized == []
    assert champion(synced) == synced.published.readlink().name
    assert running(synced) == []


def test_what_dies_between_the_publication_and_its_crown_is_set_right(synced: Workplace):
    old = synced.published.readlink().name
    dying = {"tracking": DyingBeforeTheCrown(str(synced.state))}
    assert synced.try_to_sync(ANOTHER, dying).failed == ["publication"]
    assert champion(synced) == old != synced.published.readlink().name
    synced.sync(ANOTHER)
    assert champion(synced) == synced.published.readlink().name


def test_a_roll_back_that_mlflow_cannot_be_told_is_told_later(synced: Workplace):
    old = synced.published.readlink().name
    synced.sync(ANOTHER)
    new = synced.published.readlink().name
    with mock.patch.object(registry, "crown", side_effect=MlflowException("closed")):
        done = synced.run("rollback", old)
    assert done.status == 0
    assert "not all is noted in MLflow" in done.err
    assert (synced.published.readlink().name, champion(synced)) == (old, new)
    synced.sync(ANOTHER)
    assert champion(synced) == synced.published.readlink().name == old


@pytest.mark.parametrize("address", [f"http://ann:{SECRET}@127.0.0.1:9/", f"http://127.0.0.1:9/?token={SECRET}"])
def test_a_password_in_an_address_is_neither_shown_nor_stored(synced: Workplace, address: str):
    environment = clean_environment() | {"IMGSIM_TRACKING__URI": address, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    written = ""
    for arguments in (["sync"], ["status"], ["versions"], ["rollback", synced.published.readlink().name]):
        command = [*COMMAND, *arguments, "--config", str(synced.config)]
        given = environment | {"IMGSIM_REPORT__QUERIES": "2"}
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
        written += done.stdout + done.stderr
    assert "failed: publication" in written
    assert "127.0.0.1:9/" in written
    assert SECRET not in written
    holding = [path for path in synced.state.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holding == []


def test_all_stages_that_decide_the_result_are_parameters_of_the_run(synced_in_place: Workplace):
    client = MlflowClient(address(synced_in_place.state))
    experiment = client.get_experiment_by_name("imgsim").experiment_id
    (run,) = client.search_runs([experiment])
    stages = {name.partition(".")[0] for name in run.data.params}
    decides_nothing = {"places", "runtime", "tracking", "automation"}
    assert stages == {"data_version", *Settings.model_fields} - decides_nothing
    assert {"backbones.tiny.size": "32", "head.shrinkage": "auto"}.items() <= run.data.params.items()
    versions = {name.partition(".")[2]: value for name, value in run.data.params.items() if "data_version" in name}
    assert set(versions) >= {"raw_images", "metric_head", "gallery_vectors", "embeddings/tiny"}
    for key, version in versions.items():
        assert synced_in_place.store.artefacts.open(key).manifest.version == version
    assert Path(run.info.artifact_uri.removeprefix("file://")).is_relative_to(synced_in_place.state)
