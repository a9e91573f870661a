"""Where a hub model's files are: a local folder, the hub's cache, or (if allowed) the hub itself.

Everything after this works on a folder, so that no library gets a name to call home with.
"""

from collections.abc import Iterator
from pathlib import Path

from imgsim_assets.errors import ModelError, SettingsError
from imgsim_assets.model_lock import is_path, is_pinned, repository_of
from imgsim_assets.settings import Backbone, Runtime
from imgsim_assets.vision.backbones.hub_client import download, is_offline, why_unreachable
from imgsim_assets.vision.backbones.weights import WEIGHT_PATTERNS, find_weights, has_safetensors, missing_files


def local_folder(repository: str, revision: str | None, models: Path | None) -> Path | None:
    """Find a model's folder without looking at the hub or its cache.

    Args:
        repository: hub name (`org/name`), or a path to a folder.
        revision: commit, for a folder of models that is laid out like the hub's cache.
        models: folder of model folders, named `org/name`, `org--name` or as in the hub's cache.
    """
    return next((folder for folder in _local_candidates(repository, revision, models) if folder.is_dir()), None)


def hub_repository(backbone: Backbone, models: Path | None) -> str | None:
    """Name the repository that a backbone is fetched from; None: it is none of the hub's, or in a person's folder."""
    repository = repository_of(backbone)
    if repository is None or local_folder(repository, backbone.revision, models) is not None:
        return None
    return repository


def fetch_folder(
    repository: str,
    files: tuple[str, ...],
    backbone: Backbone,
    runtime: Runtime,
    models: Path | None,
    *,
    either: tuple[str, ...] = (),
) -> Path:
    """Find a model's folder, or fetch it from the hub if it is nowhere here.

    Args:
        repository: hub name, or a path to a folder.
        files: configuration files that must lie beside the weights.
        backbone: its revision says which commit.
        runtime: whether the hub may be asked.
        models: local folder of model folders.
        either: configuration files of which one must lie there too.

    Raises:
        SettingsError: a hub name without a pinned revision.
        ModelError: a file is missing, only pickled weights are there, or the hub cannot be reached.
    """
    folder = require_folder(repository, files, backbone, runtime, models, either=either)
    if folder is None:
        revision = _require_commit(repository, backbone, models)
        wanted = (*files, *either)
        folder = download(repository, revision, wanted, download_advice(repository, revision, wanted))
        _check_folder(folder, repository, files, backbone, either)
    return folder


def require_folder(
    repository: str,
    files: tuple[str, ...],
    backbone: Backbone,
    runtime: Runtime,
    models: Path | None,
    *,
    either: tuple[str, ...] = (),
) -> Path | None:
    """Find a model's folder, as `fetch_folder` does; None: it is nowhere here, and the hub is there to be asked.

    Raises:
        SettingsError: a hub name without a pinned revision.
        ModelError: a file is missing, only pickled weights are there, or the hub may not or cannot be reached.
    """
    folder = local_folder(repository, backbone.revision, models)
    if folder is None:
        revision = _require_commit(repository, backbone, models)
        folder = _cached_folder(repository, revision)
        # Whoever filled the cache may have taken other files of this commit, such as pickles.
        if folder is None or missing_files(folder, files, either) or not has_safetensors(folder):
            _require_hub(repository, revision, (*files, *either), runtime)
            return None
    _check_folder(folder, repository, files, backbone, either)
    return folder


def folder_here(
    repository: str, files: tuple[str, ...], revision: str | None, models: Path | None, either: tuple[str, ...] = ()
) -> Path | None:
    """Find a model's folder with all that is needed of it, and say nothing of what is missing: None.

    Raises:
        ModelError: the index of its shards cannot be read.
    """
    folder = local_folder(repository, revision, models)
    if folder is None and revision is not None and is_pinned(revision):
        folder = _cached_folder(repository, revision)
    if folder is None or missing_files(folder, files, either) or not has_safetensors(folder):
        return None
    return folder


def _check_folder(
    folder: Path, repository: str, files: tuple[str, ...], backbone: Backbone, either: tuple[str, ...]
) -> None:
    missing = missing_files(folder, files, either)
    if missing:
        name = " or ".join(either) if missing[0] in either else missing[0]
        advice = download_advice(repository, backbone.revision, (*files, *either))
        raise ModelError(f"{name} in {folder}", "no such file", advice)
    find_weights(folder)


def download_advice(repository: str, revision: str | None, files: tuple[str, ...]) -> str:
    """Say how to get a model by hand."""
    if is_path(repository):
        return "save the model there with its save_pretrained() (safetensors), or correct the path"
    patterns = " ".join(f'"{pattern}"' for pattern in (*files, *WEIGHT_PATTERNS))
    command = f"hf download {repository} --revision {revision or 'COMMIT'} --include {patterns}"
    return (
        f"on a machine that reaches the hub run `{command}` and bring its cache here, "
        f"or add `--local-dir MODELS/{repository.replace('/', '--')}` and set places.models to MODELS"
    )


def _local_candidates(repository: str, revision: str | None, models: Path | None) -> Iterator[Path]:
    if is_path(repository):
        yield Path(repository).expanduser()
        return
    flat = repository.replace("/", "--")
    if models is not None:
        yield models / repository
        yield models / flat
        if revision is not None:
            yield models / f"models--{flat}" / "snapshots" / revision
    yield Path(repository)


def _require_commit(repository: str, backbone: Backbone, models: Path | None) -> str:
    if is_path(repository):
        raise ModelError(f"a model folder at {repository}", "nothing there", download_advice(repository, None, ()))
    if backbone.revision is not None and is_pinned(backbone.revision):
        return backbone.revision
    looked = f", and no local folder of that name in {models}" if models else ""
    raise SettingsError(
        f"a pinned revision (the 40 digits of a commit) for the hub model {repository!r}",
        f"revision = {backbone.revision!r}, and none locked{looked}",
        "leave revision out and run `imgsim models fetch` where the hub can be reached, or set it to the latest commit "
        f"shown on the page of {repository} on the model hub, or put the model's folder into places.models",
    )


def cache_place(repository: str, revision: str, cache: Path | None = None) -> Path:
    """Name the folder of a commit in a cache of the hub's; None: the one that the hub's own variables name."""
    from huggingface_hub import constants

    folder = cache or Path(constants.HF_HUB_CACHE)
    return folder / f"models--{repository.replace('/', '--')}" / "snapshots" / revision


def _cached_folder(repository: str, revision: str) -> Path | None:
    folder = cache_place(repository, revision)
    return folder if folder.is_dir() else None


def _require_hub(repository: str, revision: str, files: tuple[str, ...], runtime: Runtime) -> None:
    found = "its safetensors and settings are not all in the hub's cache, and "
    if is_offline(runtime):
        found += "asking the hub is switched off"
    elif reason := why_unreachable():
        found += f"the hub cannot be reached ({reason})"
    else:
        return
    raise ModelError(f"{repository} at commit {revision}", found, download_advice(repository, revision, files))
