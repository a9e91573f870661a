"""MLflow's model registry: a version for each publication, the alias `champion` on the one that is published."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "imgsim"
CHAMPION = "champion"
PUBLICATION_TAG = "imgsim_publication"


def register(client: "MlflowClient", run_id: str, folder: str, publication: str, *, local: bool = False) -> str:
    """Make what lies in `folder` of the run's artifacts a version of the model; it is not the champion yet.

    A publication that was registered before keeps its version, unless the store is `local`, a folder of this
    machine, and its files are gone.

    Returns:
        The version's number.
    """
    known = version_of(client, publication)
    if local and known is not None and _is_lost(client, known):
        client.delete_model_version(MODEL, known)
        known = None
    if known is None:
        if not client.search_registered_models(f"name = '{MODEL}'"):
            client.create_registered_model(MODEL)
        source = f"{client.get_run(run_id).info.artifact_uri}/{folder}"
        known = str(client.create_model_version(MODEL, source, run_id, tags={PUBLICATION_TAG: publication}).version)
    return known


def crown(client: "MlflowClient", publication: str) -> str | None:
    """Move the alias to the version of a publication; None: it was never registered, and nothing is moved."""
    known = version_of(client, publication)
    if known is not None:
        client.set_registered_model_alias(MODEL, CHAMPION, known)
    return known


def version_of(client: "MlflowClient", publication: str) -> str | None:
    """Find the version of a publication."""
    found = client.search_model_versions(f"name = '{MODEL}' and tags.{PUBLICATION_TAG} = '{publication}'")
    return str(found[0].version) if found else None


def _is_lost(client: "MlflowClient", version: str) -> bool:
    place = urlparse(client.get_model_version(MODEL, version).source)
    return not Path(unquote(place.path)).is_dir()
