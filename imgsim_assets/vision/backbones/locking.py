"""Locking hub models at their first use: names to their newest commit, and the files of a commit to their bytes.

Names are locked before a graph is built of the settings, since the commit is in the identity of the vectors; files when
a model is about to be loaded.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from imgsim_assets.errors import ImgsimError, ModelError, all_together
from imgsim_assets.model_lock import (
    LOCK,
    LockedFile,
    ModelLock,
    read_lock,
    repository_of,
    unpinned,
    with_locked_commits,
)
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.storage.atomic import write_bytes
from imgsim_assets.vision.backbones import huggingface, timm_models
from imgsim_assets.vision.backbones.hub import fetch_folder, hub_repository, local_folder
from imgsim_assets.vision.backbones.hub_client import (
    is_offline,
    newest_commit,
    require_digest,
    sha256_of,
    why_unreachable,
)
from imgsim_assets.vision.backbones.weights import model_files

DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SHA256_DIGITS = 64
SMALL = 2**20  # bytes; larger files are weights
WANTED = {"hf": (huggingface.FILES, huggingface.PROCESSORS), "timm": (timm_models.FILES, ())}


def say(words: str) -> None:
    """Tell a person, on standard error."""
    logging.getLogger("imgsim").info(words)


def lock_models(settings: Settings, announce: Callable[[str], None] = say) -> Settings:
    """Ask the hub once for the newest commit of each name without a revision, and keep it in the state folder.

    Args:
        settings: names whose model lies in a local folder are left alone, and all where `models.require_pin` is set.
        announce: told of each name that is locked.

    Returns:
        The settings with the locked commits as revisions.

    Raises:
        ImgsimError: one or more names cannot be locked; those that can be are.
    """
    settings = with_locked_commits(settings)
    if not _not_here(settings):
        return settings
    faults: dict[str, ImgsimError] = {}
    with changing_lock(settings.places.state) as lock:
        commits = dict(lock.commits)  # another process may have come first
        for name, repository in _not_here(settings).items():
            try:
                if repository not in commits:
                    commits[repository] = ask_commit(repository, settings)
                    announce(f"{repository} is locked to its newest commit, {commits[repository]}")
            except ImgsimError as error:
                faults[name] = error
        if commits != lock.commits:
            write_lock(settings.places.state, lock.model_copy(update={"commits": commits}))
    if faults:
        raise all_together(faults)
    return with_locked_commits(settings)


def have_model(settings: Settings, backbone: Backbone) -> None:
    """See to it that a model's files are here, and those of the hub's that they were when they were first used.

    Of all files the size is looked at and of small ones, which say how photos are framed, the content: reading
    gigabytes of weights anew whenever a model is loaded would double the time that takes. Those were read whole when
    they were fetched, and are by `imgsim models verify`.

    Raises:
        ImgsimError: they cannot be had, or are others.
    """
    scheme, _, name = backbone.uri.partition(":")
    if scheme not in WANTED:
        return
    (files, either), models = WANTED[scheme], settings.places.models
    folder = fetch_folder(repository_of(backbone) or name, files, backbone, settings.runtime, models, either=either)
    repository, commit = hub_repository(backbone, models), backbone.revision
    if repository is None:
        return
    known = read_lock(settings.places.state).files.get(f"{repository}@{commit}", {})
    found = model_files(folder)
    require_known(repository, commit, {name: path for name, path in found.items() if name in known}, known)
    if new := found.keys() - known.keys():
        digests = require_hub_digests(repository, str(commit), {name: found[name] for name in new})
        record_files(settings.places.state, f"{repository}@{commit}", found, digests)


def require_known(
    repository: str,
    commit: str | None,
    found: Mapping[str, Path],
    known: Mapping[str, LockedFile],
    *,
    whole: bool = False,
    mend: str | None = None,
) -> None:
    """Hold files against what the lock knows of them, by their content where they are small or `whole` is set.

    Args:
        repository: its name.
        commit: its 40 digits.
        found: the files, by name.
        known: what is known of each.
        whole: read large ones as well.
        mend: what a person can do; None: what helps where they lie in the hub's cache.

    Raises:
        ModelError: one of them is not what it was.
    """
    for name, path in sorted(found.items()):
        size = path.stat().st_size
        if size != known[name].size:
            said = f"{size} bytes, where there were {known[name].size}"
        elif (whole or size < SMALL) and (digest := sha256_of(path)) != known[name].sha256:
            said = f"sha256 {digest}, where it was {known[name].sha256}"
        else:
            continue
        raise ModelError(
            f"{name} of {repository} at commit {commit} as it was when it was first used",
            f"{said} ({path})",
            mend or f"run `imgsim models remove {repository} --yes` and `imgsim models fetch {repository}`",
        )


def require_hub_digests(repository: str, commit: str, found: Mapping[str, Path]) -> dict[str, str]:
    """Hold files in the hub's cache against the digests by which it keeps them; copies are not known by one.

    Returns:
        The digests of those that are, by name: sha256 of large files, git's blob id of the others.

    Raises:
        ModelError: one of them has other bytes; it is removed.
    """
    kept_as = {name: path.readlink().name for name, path in sorted(found.items()) if path.is_symlink()}
    digests = {name: digest for name, digest in kept_as.items() if DIGEST.fullmatch(digest)}
    for name, digest in digests.items():
        require_digest(repository, commit, found[name], name, digest)
    return digests


def record_files(state: Path, model: str, found: Mapping[str, Path], digests: Mapping[str, str]) -> None:
    """Keep in the lock the bytes of the files of `model`, `repository@commit`, that it does not know yet.

    `digests` are what was just computed of some of them; those that are a sha256 are not computed again.
    """
    with changing_lock(state) as lock:
        known = lock.files.get(model, {})
        new = {
            name: LockedFile(
                size=path.stat().st_size,
                sha256=digests[name] if len(digests.get(name, "")) == SHA256_DIGITS else sha256_of(path),
            )
            for name, path in found.items()
            if name not in known
        }
        write_lock(state, lock.model_copy(update={"files": {**lock.files, model: {**known, **new}}}))


@contextmanager
def changing_lock(state: Path) -> Iterator[ModelLock]:
    """Give the lock as it is, while no other process changes it."""
    state.mkdir(parents=True, exist_ok=True)
    with FileLock(state.absolute() / f"{LOCK}.held"):
        yield read_lock(state)


def write_lock(state: Path, lock: ModelLock) -> None:
    """Put the lock into its place; within `changing_lock`."""
    write_bytes(state / LOCK, f"{lock.model_dump_json(indent=2)}\n".encode())


def _not_here(settings: Settings) -> dict[str, str]:
    """Map the backbones that are to be locked to their repositories."""
    models = settings.places.models
    return {name: one for name, one in unpinned(settings).items() if local_folder(one, None, models) is None}


def ask_commit(repository: str, settings: Settings) -> str:
    """Ask the hub for the newest commit of a repository.

    Raises:
        ModelError: it may not be asked, or does not say.
    """
    if is_offline(settings.runtime):
        found = "asking the hub is switched off"
    elif reason := why_unreachable():
        found = f"the hub cannot be reached ({reason})"
    else:
        return newest_commit(repository)
    raise ModelError(
        f"the newest commit of the hub model {repository}, whose revision is not set",
        found,
        "run `imgsim models fetch` where the hub can be reached, then `imgsim models export` there and "
        "`imgsim models import` here; or put the model's folder into places.models",
    )
