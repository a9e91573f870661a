"""Hub models in a folder that is carried to machines without a network: their files, and the lock that knows them."""

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from imgsim_assets.errors import ModelError, SettingsError
from imgsim_assets.model_lock import COMMIT, LOCK, LockedFile, ModelLock, read_lock, repository_of
from imgsim_assets.settings import Settings
from imgsim_assets.storage.atomic import move_folder, scratch_folder
from imgsim_assets.vision.backbones import locking
from imgsim_assets.vision.backbones.hub import cache_place
from imgsim_assets.vision.backbones.hub_client import sha256_of
from imgsim_assets.vision.hub_models import fetch_models, hub_folder

REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
# Weights, settings, words of text towers, and the card with the licence.
CARRIED = (".json", ".safetensors", ".txt", ".model", ".md")


def export_models(settings: Settings, folder: Path, announce: Callable[[str], None]) -> dict[str, int]:
    """Copy the hub models of the settings into a folder, laid out as the hub's cache, and what they are locked to.

    What is not here is fetched first, where the hub may be asked.

    Returns:
        Bytes by `repository@commit`.

    Raises:
        ImgsimError: none is the hub's, a model cannot be had, or has other bytes than it had.
    """
    settings = fetch_models(settings, (), announce)
    lock, sizes = read_lock(settings.places.state), dict[str, int]()
    files: dict[str, dict[str, LockedFile]] = {}
    commits: dict[str, str] = {}
    for backbone in settings.backbones.values():
        repository, commit, source = repository_of(backbone), str(backbone.revision), hub_folder(settings, backbone)
        model = f"{repository}@{commit}"
        if repository is None or source is None or model in files:
            continue
        found = (path for path in source.rglob("*") if path.suffix in CARRIED and path.is_file())
        carried = {path.relative_to(source).as_posix(): path for path in found}
        files[model] = {name: _known(path) for name, path in carried.items()}
        told = {name: path for name, path in carried.items() if name in lock.files.get(model, {})}
        locking.require_known(repository, commit, told, lock.files.get(model, {}), whole=True)
        _copy(carried, files[model], cache_place(repository, commit, folder))
        if lock.commits.get(repository) == commit:
            commits[repository] = commit
        sizes[model] = sum(one.size for one in files[model].values())
    if not sizes:
        lines = ", ".join(f"{name} ({backbone.uri})" for name, backbone in settings.backbones.items())
        mend = "name another profile with --profile; what is in folders of your own is carried by itself"
        raise SettingsError("models in the hub's cache, to be carried away", f"none of {lines}", mend)
    with locking.changing_lock(folder) as there:
        both = ModelLock(commits={**there.commits, **commits}, files={**there.files, **files})
        locking.write_lock(folder, both)
    return sizes


def import_models(settings: Settings, folder: Path, announce: Callable[[str], None]) -> dict[str, int]:
    """Put what `export_models` wrote into the hub's cache, and lock names to the commits that it has; asks no network.

    Returns:
        Bytes by `repository@commit`.

    Raises:
        SettingsError: the folder is no export.
        ModelError: it has other bytes than its lock says, or than were known here; nothing of that model is taken.
    """
    brought, sizes = read_lock(folder), dict[str, int]()
    if not brought.files:
        raise SettingsError(f"models and their {LOCK} in {folder}", "none", "name what `imgsim models export` wrote")
    state = settings.places.state
    for repository, commit in brought.commits.items():
        if not brought.files.get(model := f"{repository}@{commit}"):
            raise ModelError(f"files of {model}, which names are locked to, in {folder}", "none", "export it again")
    for model, files in brought.files.items():
        repository, commit = _named(model, files, folder)
        source = cache_place(repository, commit, folder)
        carried = {name: source / name for name in files}
        missing = [name for name, path in carried.items() if not path.is_file()]
        if missing:
            raise ModelError(f"{missing[0]} of {model} in {folder}", "no such file", "export it again")
        mend = "export it again, or copy the folder again: a file was changed or cut on the way"
        locking.require_known(repository, commit, carried, files, whole=True, mend=mend)
        known = read_lock(state).files.get(model, {})
        locking.require_known(repository, commit, {name: carried[name] for name in files if name in known}, known)
        _copy(carried, files, cache_place(repository, commit))
        locking.record_files(state, model, carried, {name: one.sha256 for name, one in files.items()})
        sizes[model] = sum(one.size for one in files.values())
    with locking.changing_lock(state) as lock:
        for repository, commit in brought.commits.items():
            before = lock.commits.get(repository)
            if before != commit:
                announce(f"{repository} is locked to {commit}" + (f", and no longer to {before}" if before else ""))
        locking.write_lock(state, lock.model_copy(update={"commits": {**lock.commits, **brought.commits}}))
    return sizes


def _known(path: Path) -> LockedFile:
    return LockedFile(size=path.stat().st_size, sha256=sha256_of(path))


def _named(model: str, files: dict[str, LockedFile], folder: Path) -> tuple[str, str]:
    """Take `repository@commit` apart; names that lead out of their folder are no names."""
    repository, _, commit = model.partition("@")
    odd = [name for name in files if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    odd += [name for name in files if not name.endswith(CARRIED)]
    if not REPOSITORY.fullmatch(repository) or ".." in repository or not COMMIT.fullmatch(commit) or odd:
        found = repr(odd[0]) if odd else repr(model)
        raise ModelError(f"names of models and of their files in {folder / LOCK}", found, "export it again")
    return repository, commit


def _copy(files: Mapping[str, Path], known: Mapping[str, LockedFile], target: Path) -> None:
    """Put copies of files into a folder; in one that is there, of those that it lacks or has other bytes of."""
    with scratch_folder(target.parent) as scratch:
        for name, path in files.items():
            if not (target / name).is_file() or _known(target / name) != known[name]:
                (scratch / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, scratch / name)
        if not target.exists():
            try:
                move_folder(scratch, target)
            except OSError:
                if not target.is_dir():  # else another export or import was quicker
                    raise
            else:
                return
        for path in [path for path in scratch.rglob("*") if path.is_file()]:
            place = target / path.relative_to(scratch)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
