"""An MLflow run that is being written, and what is made of a store that cannot be."""

import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from imgsim_assets.errors import UserError
from imgsim_assets.resources import registry
from imgsim_assets.resources.mlflow_quiet import quietly
from imgsim_assets.secrets import masked_as_in

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

OWN_STORE = "nothing depends on it, and the next sync tries again; if it stays so, move it away"
SERVER = "start that server or set tracking.uri; without it, measurements go to a database in the state folder"
HEAD = "head"  # the folder of a run's artifacts that is registered

T = TypeVar("T")


@dataclass
class TrackedRun:
    """An MLflow run that is being written.

    `client` is None where the store cannot be used: nothing is noted then. `strict` says whether that is an error, and
    `own` whether the store is the one in the state folder.
    """

    uri: str
    own: bool
    strict: bool
    client: "MlflowClient | None" = None
    run_id: str = ""
    notes: list[str] = field(default_factory=list)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Note settings; a key once noted keeps its value."""
        self.ask(lambda client: client.log_batch(self.run_id, params=_params(params)))

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Note measurements; all must be finite.

        Raises:
            ValueError: one is not a number.
        """
        odd = [key for key, value in metrics.items() if not math.isfinite(value)]
        if odd:
            raise ValueError(f"metrics that are not finite: {', '.join(odd)}")
        self.ask(lambda client: client.log_batch(self.run_id, metrics=_metrics(metrics, step)))

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Keep a copy of the file with the run, in `folder` of its artifacts."""
        self.ask(lambda client: client.log_artifact(self.run_id, str(path), folder))

    def register(self, head: Path, publication: str) -> str | None:
        """Keep the metric head, and register it for a publication: its version, which is not the champion yet."""
        self.log_file(head, HEAD)
        return self.ask(lambda client: registry.register(client, self.run_id, HEAD, publication, local=self.own))

    def crown(self, publication: str) -> None:
        """Make the version of a publication that has just been published the champion: from now on nothing stops."""
        self.strict = False
        self.ask(lambda client: registry.crown(client, publication))

    def ask(self, question: "Callable[[MlflowClient], T]") -> T | None:
        """Ask the store; None: it cannot be used, which is noted, and after that it is not asked again.

        Raises:
            UserError: it cannot be used, and the run is strict.
        """
        if self.client is None:
            return None
        return self.attempt(lambda: question(self.client))  # type: ignore[arg-type]

    def attempt(self, action: Callable[[], T]) -> T | None:
        """Do something with the store, as `ask` does."""
        try:
            with _store_reachable(self.uri, OWN_STORE if self.own else SERVER):
                return action()
        except UserError as error:
            if self.strict:
                raise
            self.client = None
            self.notes.append(f"not all is noted in MLflow: {error}")
            return None


def _params(params: Mapping[str, Any]) -> "list[Param]":
    from mlflow.entities import Param

    return [Param(key, str(value)) for key, value in params.items()]


def _metrics(metrics: Mapping[str, float], step: int) -> "list[Metric]":
    from mlflow.entities import Metric

    now = time.time_ns() // 1_000_000
    return [Metric(key, float(value), now, step) for key, value in metrics.items()]


@contextmanager
def _store_reachable(uri: str, mend: str) -> Iterator[None]:
    quietly()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        if isinstance(error, ImportError):  # of a database's driver, which comes with no MLflow
            mend = f"install what that address needs into imgsim's environment, or {mend}"
        # The cause stays out of the chain: Dagster would store its words, and an address with its password in them.
        found = " ".join(masked_as_in(f"{type(error).__name__}: {error}", uri).split())[:400]
        raise UserError(f"the MLflow store at {uri} to answer", found, mend) from None
