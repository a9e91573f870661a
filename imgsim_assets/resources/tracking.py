"""MLflow, spoken to directly: one MLflow run for each Dagster run, found again by its tag.

Only the client is used, never the fluent interface: nothing global is set, and no run can be left active. Our own store
never stops what is measured; a server that a person named does, until something is published
(docs/decisions/0024-mlflow-is-asked-first.md).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from imgsim_assets import stopping
from imgsim_assets.resources import own_store, registry
from imgsim_assets.resources.tracked_run import TrackedRun
from imgsim_assets.resources.unfinished import Unfinished

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_ID_TAG = "dagster/run_id"
ASSET_TAG = "dagster/asset_key"
FAILED_TAG = "imgsim/failed"
NAME_TAG = "mlflow.runName"


@dataclass(frozen=True)
class Tracking:
    """Where measurements go: a SQLite database in the state folder, or the server at `uri`.

    No Dagster configuration, which would be stored and shown: the address may hold a password.
    """

    state: str = ".imgsim"
    uri: str | None = field(default=None, repr=False)
    experiment: str = "imgsim"

    @property
    def address(self) -> str:
        """The tracking URI in use."""
        return self.uri or own_store.address(Path(self.state))

    @contextmanager
    def run_for(self, dagster_run_id: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        """Write to the MLflow run of a Dagster run, made when it is first asked for.

        It ends as FINISHED, or as FAILED when the block raised; as long as one asset's last block
        (its key in the tag `dagster/asset_key`) has failed, the others do not make the run FINISHED.

        Args:
            dagster_run_id: the Dagster run's id.
            tags: added to the run.

        Raises:
            UserError: the server that a person named cannot be used.
        """
        asset = tags.get(ASSET_TAG, "")
        if "'" in dagster_run_id:
            raise ValueError(f"{dagster_run_id!r} is not a Dagster run id")
        self._unfinished.note(dagster_run_id)
        run = self._open()
        try:
            with stopping.held_back():
                run.run_id = run.ask(lambda client: self._enter(client, dagster_run_id, tags, run.notes)) or ""
            yield run
            with stopping.held_back():
                run.ask(lambda client: _leave(client, run.run_id, asset, "FINISHED"))
        except BaseException as error:
            run.strict = False  # `error` is the cause
            ending = "FAILED" if isinstance(error, Exception) else "KILLED"
            if run.run_id:
                with stopping.held_back():
                    run.ask(lambda client: _leave(client, run.run_id, asset, ending))
            raise
        if run.client is not None:
            self._unfinished.forget(dagster_run_id)

    def crown(self, publication: str) -> tuple[str | None, list[str]]:
        """Make the version of a publication the champion again; the store cannot stop it.

        Returns:
            Its number, None: it was never registered or the store cannot be used; and what is to be said.
        """
        run = self._open(strict=False)
        return run.ask(lambda client: registry.crown(client, publication)), run.notes

    def begin(self, name: str) -> None:
        """Note that the champion is about to change; until that is ended, `finish` sets right what came to nothing."""
        self._unfinished.note(name)

    def end(self, name: str) -> None:
        """The champion is what is published."""
        self._unfinished.forget(name)

    def kill(self) -> None:
        """End the runs that the process leaves, because it is about to end; `finish` has the last word."""
        left = self._unfinished.names()
        if left:
            run = self._open(strict=False)
            run.ask(lambda client: self._end(client, left, run.notes))

    def finish(self, publication: str | None, head: Path) -> list[str]:
        """End the runs whose process died, and let the registry say what is published, where that may not be so.

        Called while no run is at work on the state folder; costs nothing where all was ended.

        Args:
            publication: what is published; None: nothing.
            head: its metric head, which is registered unless it is.

        Returns:
            What is to be said.
        """
        left = self._unfinished.names()
        if not left:
            return []
        run = self._open(strict=False)
        run.ask(lambda client: self._end(client, left, run.notes))
        known = run.ask(lambda client: registry.crown(client, publication)) if publication else "nothing to crown"
        if run.client is not None:
            for name in left:
                self._unfinished.forget(name)
        if publication and run.client is not None and known is None and head.is_file():
            with self.run_for(left[-1], {ASSET_TAG: "publication"}) as late:
                late.strict = False
                late.register(head, publication)
                late.crown(publication)
            run.notes += late.notes
        return run.notes

    def _open(self, *, strict: bool | None = None) -> TrackedRun:
        own = not self.uri
        run = TrackedRun(self.address, own, strict=not own if strict is None else strict)
        run.client = run.attempt(lambda: self._client(run.notes))
        return run

    def _client(self, notes: list[str]) -> "MlflowClient":
        from mlflow import MlflowClient

        if not self.uri:
            with self._lock():
                notes += own_store.make_ready(Path(self.state))
        return MlflowClient(tracking_uri=self.address)

    def _enter(self, client: "MlflowClient", dagster_run_id: str, tags: Mapping[str, str], notes: list[str]) -> str:
        with self._lock():
            experiment = self._experiment_id(client, notes)
            found = client.search_runs([experiment], f"tags.`{RUN_ID_TAG}` = '{dagster_run_id}'", max_results=1)
            if not found:
                all_tags = {NAME_TAG: dagster_run_id[:8], **tags, RUN_ID_TAG: dagster_run_id}
                return str(client.create_run(experiment, tags=all_tags).info.run_id)
            run_id = str(found[0].info.run_id)
            client.update_run(run_id, status="RUNNING")
            for key, value in tags.items():
                client.set_tag(run_id, key, value)
            return run_id

    def _experiment_id(self, client: "MlflowClient", notes: list[str]) -> str:
        experiment = client.get_experiment_by_name(self.experiment)
        if experiment is None:
            place = None if self.uri else own_store.artifacts(Path(self.state))
            return str(client.create_experiment(self.experiment, artifact_location=place))
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
            notes.append(f"the experiment {self.experiment} was deleted in MLflow, and is restored")
        return str(experiment.experiment_id)

    def _end(self, client: "MlflowClient", dagster_run_ids: list[str], notes: list[str]) -> None:
        """End what is RUNNING by its record: in our own store all, since none is at work; on a server those named."""
        experiment = self._experiment_id(client, notes)
        for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
            if not self.uri or run.data.tags.get(RUN_ID_TAG) in dagster_run_ids:
                client.set_terminated(run.info.run_id, "KILLED")

    @property
    def _unfinished(self) -> Unfinished:
        return Unfinished(Path(self.state).absolute() / "mlflow-unfinished")

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
