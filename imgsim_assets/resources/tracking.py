"""MLflow, spoken to directly: one MLflow run for each Dagster run, found again by its tag.

Only the client is used, never the fluent interface: nothing global is set, and no run can be left active.
"""

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from filelock import FileLock

from imgsim_assets.errors import UserError
from imgsim_assets.resources import registry

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATABASE = "mlflow.db"
ARTIFACTS = "mlflow-artifacts"
RUN_ID_TAG = "dagster/run_id"
ASSET_TAG = "dagster/asset_key"
FAILED_TAG = "imgsim/failed"
NAME_TAG = "mlflow.runName"
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # its default keeps a person waiting for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


@dataclass(frozen=True)
class TrackedRun:
    """An MLflow run that is being written."""

    client: "MlflowClient"
    run_id: str
    uri: str

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Note settings; a key once noted keeps its value."""
        with _store_reachable(self.uri):
            for key, value in params.items():
                self.client.log_param(self.run_id, key, value)

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Note measurements; all must be finite.

        Raises:
            ValueError: one is not a number.
        """
        odd = [key for key, value in metrics.items() if not math.isfinite(value)]
        if odd:
            raise ValueError(f"metrics that are not finite: {', '.join(odd)}")
        with _store_reachable(self.uri):
            for key, value in metrics.items():
                self.client.log_metric(self.run_id, key, float(value), step=step)

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Keep a copy of the file with the run, in `folder` of its artifacts."""
        with _store_reachable(self.uri):
            self.client.log_artifact(self.run_id, str(path), folder)

    def register(self, folder: str, publication: str) -> str:
        """Register what lies in `folder` of the run's artifacts for a publication, as the champion: its version."""
        with _store_reachable(self.uri):
            return registry.register(self.client, self.run_id, folder, publication)


class Tracking(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where measurements go: a SQLite database in the state folder, or the server at `uri`."""

    uri: str | None = None
    experiment: str = "imgsim"
    state: str = ".imgsim"

    @property
    def address(self) -> str:
        """The tracking URI in use."""
        return self.uri or f"sqlite:///{Path(self.state).absolute() / DATABASE}"

    @contextmanager
    def run_for(self, dagster_run_id: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        """Write to the MLflow run of a Dagster run, made when it is first asked for.

        It ends as FINISHED, or as FAILED when the block raised; as long as one asset's last block
        (its key in the tag `dagster/asset_key`) has failed, the others do not make the run FINISHED.

        Args:
            dagster_run_id: the Dagster run's id.
            tags: added to the run.

        Raises:
            UserError: the tracking store cannot be used.
        """
        asset = tags.get(ASSET_TAG, "")
        with _store_reachable(self.address):
            client = self._client()
            run_id = self._enter(client, dagster_run_id, tags)
        try:
            yield TrackedRun(client, run_id, self.address)
        except BaseException as error:
            try:
                _leave(client, run_id, asset, "FAILED" if isinstance(error, Exception) else "KILLED")
            except Exception:
                logging.getLogger(__name__).exception(
                    "MLflow run %s could not be ended", run_id
                )  # `error` is the cause
            raise
        with _store_reachable(self.address):
            _leave(client, run_id, asset, "FINISHED")

    def crown(self, publication: str) -> str | None:
        """Make the version of a publication the champion again; None: it was never registered.

        Raises:
            UserError: the tracking store cannot be used.
        """
        with _store_reachable(self.address):
            return registry.crown(self._client(), publication)

    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        if self.uri:
            return MlflowClient(tracking_uri=self.address)
        with self._lock():  # two processes must not both create the tables
            return MlflowClient(tracking_uri=self.address)

    def _enter(self, client: "MlflowClient", dagster_run_id: str, tags: Mapping[str, str]) -> str:
        if "'" in dagster_run_id:
            raise ValueError(f"{dagster_run_id!r} is not a Dagster run id")
        with self._lock():
            experiment = self._experiment_id(client)
            found = client.search_runs([experiment], f"tags.`{RUN_ID_TAG}` = '{dagster_run_id}'", max_results=1)
            if not found:
                all_tags = {NAME_TAG: dagster_run_id[:8], **tags, RUN_ID_TAG: dagster_run_id}
                return str(client.create_run(experiment, tags=all_tags).info.run_id)
            run_id = str(found[0].info.run_id)
            client.update_run(run_id, status="RUNNING")
            for key, value in tags.items():
                client.set_tag(run_id, key, value)
            return run_id

    def _experiment_id(self, client: "MlflowClient") -> str:
        experiment = client.get_experiment_by_name(self.experiment)
        if experiment is not None:
            return str(experiment.experiment_id)
        place = None if self.uri else (Path(self.state).absolute() / ARTIFACTS).as_uri()
        return str(client.create_experiment(self.experiment, artifact_location=place))

    def _lock(self) -> FileLock:
        folder = Path(self.state).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / "mlflow.lock")


def _leave(client: "MlflowClient", run_id: str, asset: str, status: str) -> None:
    before = set(client.get_run(run_id).data.tags.get(FAILED_TAG, "").split("\n")) - {""}
    name = asset or "?"
    failed = before - {name} if status == "FINISHED" else before | {name}
    if failed != before:
        client.set_tag(run_id, FAILED_TAG, "\n".join(sorted(failed)))
    client.set_terminated(run_id, "FAILED" if failed and status == "FINISHED" else status)


@contextmanager
def _store_reachable(uri: str) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)  # read by MLflow when it is first imported
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise UserError(
            f"the MLflow store at {uri} to answer",
            f"{type(error).__name__}: {error}"[:400],
            "start that server or set tracking.uri; without it, measurements go to a database in the state folder",
        ) from error
