"""Hub models ahead of their use: fetching, checking, moving to newer commits, and removing them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from imgsim_assets.errors import ImgsimError, ModelError, SettingsError, all_together
from imgsim_assets.model_lock import LockedCommit, ModelLock, read_lock, repository_of
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.settings_refusal import closest
from imgsim_assets.vision.backbones import locking
from imgsim_assets.vision.backbones.hub import cache_place, hub_repository
from imgsim_assets.vision.backbones.text_tower import fetch_texts
from imgsim_assets.vision.backbones.weights import model_files
from imgsim_assets.vision.model_list import folder_of

Announce = Callable[[str], None]


def fetch_models(settings: Settings, names: Sequence[str], announce: Announce) -> Settings:
    """Lock and fetch hub models ahead of time, those of `names` or all; give the settings with their commits.

    What only a search by words needs comes with them, where it can be had.

    Raises:
        ImgsimError: some cannot be had; the others are here.
    """
    chosen = choose_models(settings, names)
    alone = settings.model_copy(update={"backbones": chosen})
    locked = locking.lock_models(alone, announce).backbones
    settings = settings.model_copy(update={"backbones": {**settings.backbones, **locked}})

    def fetch(_: str, backbone: Backbone) -> None:
        locking.have_model(settings, backbone)
        if hub_folder(settings, backbone):
            with suppress(ModelError):  # said when somebody asks by words
                fetch_texts(backbone, settings)
            locking.have_model(settings, backbone)

    _for_each(locked, fetch)
    return settings


def verify_models(settings: Settings, names: Sequence[str], announce: Announce) -> None:
    """Read every byte of the hub models that are here, and hold it against what the hub and the lock say of it.

    Raises:
        ModelError: some are not what they were.
    """
    known = read_lock(settings.places.state).files

    def verify(name: str, backbone: Backbone) -> None:
        folder, repository = hub_folder(settings, backbone), repository_of(backbone)
        if folder is None or repository is None:
            announce(f"{name}: nothing of the hub's is here")
            return
        found = model_files(folder)
        held = locking.require_hub_digests(repository, str(backbone.revision), found)
        locked = known.get(f"{repository}@{backbone.revision}", {})
        told = {file: path for file, path in found.items() if file in locked}
        locking.require_known(repository, backbone.revision, told, locked, whole=True)
        known_by = f"{len(held)} files are the hub's, {len(told)} are known from their first use"
        unknown = sorted(found.keys() - held - told.keys())
        announce(f"{name}: {known_by}" + (f", and nothing is known of {', '.join(unknown)}" if unknown else ""))

    _for_each(choose_models(settings, names), verify)


def update_models(settings: Settings, names: Sequence[str], announce: Announce) -> dict[str, str]:
    """Lock hub models to their newest commits; give the commits by repository.

    Raises:
        SettingsError: the settings pin one of them, or it is none of the hub's.
        ModelError: the hub does not say.
    """
    moved, models = dict[str, str](), settings.places.models

    def update(name: str, backbone: Backbone) -> None:
        repository, before = hub_repository(backbone, models), backbone.revision
        is_open = before is None and not settings.models.require_pin
        if repository is None:
            found = f"{backbone.uri}, which is none, or lies in a folder of yours"
            mend = "name one that `imgsim models list` calls locked or open"
            raise SettingsError(f"{name} to be a model from the hub", found, mend)
        if not (is_open or isinstance(before, LockedCommit)):
            raise SettingsError(
                f"{name} to be a hub model without a revision",
                f"{backbone.uri}, revision = {before}",
                "change its revision in the settings, or leave that out",
            )
        newest = locking.ask_commit(repository, settings)
        with locking.changing_lock(settings.places.state) as lock:
            commits = {**lock.commits, repository: newest}
            locking.write_lock(settings.places.state, lock.model_copy(update={"commits": commits}))
        moved[repository] = newest
        moves = f"moves from {before}" if before else "is locked for the first time,"
        announce(f"{repository} {'stays' if newest == before else moves} at {newest}")

    _for_each(choose_models(settings, names), update)
    return moved


def remove_models(settings: Settings, names: Sequence[str], *, really: bool) -> dict[str, int]:
    """Remove hub models from the hub's cache; what they are locked to stays, and so do their vectors.

    Returns:
        How many bytes that frees, by `repository@commit`; nothing for what is not in the cache.
    """
    from huggingface_hub import constants, scan_cache_dir

    freed: dict[str, int] = {}
    for backbone in choose_models(settings, names).values():
        repository, commit = hub_repository(backbone, settings.places.models), backbone.revision
        if repository is None or commit is None or not cache_place(repository, commit).is_dir():
            continue
        plan = scan_cache_dir(constants.HF_HUB_CACHE).delete_revisions(commit)
        freed[f"{repository}@{commit}"] = plan.expected_freed_size
        if really:
            plan.execute()
            with locking.changing_lock(settings.places.state) as lock:
                left = {name: files for name, files in lock.files.items() if name != f"{repository}@{commit}"}
                locking.write_lock(settings.places.state, ModelLock(commits=lock.commits, files=left))
    return freed


def choose_models(settings: Settings, names: Sequence[str]) -> dict[str, Backbone]:
    """Give the backbones of these names, their own or those of repositories; of no names, all.

    Raises:
        SettingsError: one is none.
    """
    chosen: dict[str, Backbone] = {}
    for name in names:
        found = {key: one for key, one in settings.backbones.items() if name in (key, one.uri, repository_of(one))}
        if not found:
            known = list(settings.backbones)
            raise SettingsError(
                f"one of the backbones {', '.join(known)}, or its repository",
                f"{name!r}{closest(name, known)}",
                "name one of them, or its profile with --profile",
            )
        chosen |= found
    return chosen or dict(settings.backbones)


def _for_each(backbones: Mapping[str, Backbone], do: Callable[[str, Backbone], None]) -> None:
    faults: dict[str, ImgsimError] = {}
    for name, backbone in backbones.items():
        try:
            do(name, backbone)
        except ImgsimError as error:
            faults[name] = error
    if faults:
        raise all_together(faults)


def hub_folder(settings: Settings, backbone: Backbone) -> Path | None:
    """Find a hub model in the hub's cache; a folder of a person's is known by its content alone."""
    return folder_of(settings, backbone) if hub_repository(backbone, settings.places.models) else None
