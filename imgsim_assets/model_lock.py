"""The lock file of hub models: which commit a name without a revision stands for, and which bytes its files have.

It lies in the state folder, is written at the first use of a name (`vision.backbones.locking`) and read whenever
settings are: a locked name is, to all that comes after, a name with a revision. See docs/decisions/0041.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from imgsim_assets.errors import SettingsError
from imgsim_assets.settings import Backbone, Settings

LOCK = "models.lock"
COMMIT = re.compile(r"[0-9a-f]{40}")


class LockedCommit(str):
    """A revision that the lock file gave, and no setting."""

    __slots__ = ()


def _whole_commit(written: str) -> str:
    if not COMMIT.fullmatch(written):
        raise ValueError(f"{written!r} is not the 40 digits of a commit")
    return written


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LockedFile(_Part):
    """What is known of a file: its size in bytes, and the sha256 of its content."""

    size: int
    sha256: str


class ModelLock(_Part):
    """What was resolved once: commits by repository, and files by `repository@commit` and name."""

    commits: dict[str, Annotated[str, AfterValidator(_whole_commit)]] = {}
    files: dict[str, dict[str, LockedFile]] = {}


def read_lock(folder: Path) -> ModelLock:
    """Read the lock file of a state folder, or of an export; nothing is locked where there is none.

    Raises:
        SettingsError: it is no lock file.
    """
    path = folder / LOCK
    try:
        return ModelLock.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return ModelLock()
    except (OSError, ValidationError) as error:
        found = error.strerror if isinstance(error, OSError) else _said_first(error)
        mend = "bring it back from a copy, or remove it: hub names without a revision are then locked anew"
        raise SettingsError(f"a lock file of models at {path}", f"{found}", mend) from error


def _said_first(error: ValidationError) -> str:
    first = error.errors()[0]
    return ": ".join((*(f"{part}" for part in first["loc"]), first["msg"]))


def with_locked_commits(settings: Settings) -> Settings:
    """Give the settings with the locked commit as the revision of each hub name that has none.

    Raises:
        SettingsError: the lock file is none.
    """
    loose = unpinned(settings)
    commits = read_lock(settings.places.state).commits if loose else {}
    locked = {
        name: settings.backbones[name].model_copy(update={"revision": LockedCommit(commits[repository])})
        for name, repository in loose.items()
        if repository in commits
    }
    return settings.model_copy(update={"backbones": {**settings.backbones, **locked}}) if locked else settings


def unpinned(settings: Settings) -> dict[str, str]:
    """Map the backbones that are hub names without a revision to their repositories; none where pins are required."""
    if settings.models.require_pin:
        return {}
    named = {name: repository_of(line) for name, line in settings.backbones.items() if line.revision is None}
    return {name: repository for name, repository in named.items() if repository is not None}


def repository_of(backbone: Backbone) -> str | None:
    """Name the hub repository of a backbone; None: it is no hub model, or a folder of the person's."""
    scheme, _, name = backbone.uri.partition(":")
    repository = {"hf": name, "timm": timm_repository(name)}.get(scheme)
    return None if repository is None or is_path(repository) else repository


def timm_repository(name: str) -> str:
    """Name the hub repository of a timm model.

    A model with OpenAI's activation (`..._clip_quickgelu_...`) is another architecture over the
    same weights, and shares their repository.
    """
    if "/" in name or name.startswith((".", "~")):
        return name
    return f"timm/{name.replace('_clip_quickgelu_', '_clip_')}"


def is_pinned(revision: str | None) -> bool:
    """Tell whether a revision is a commit: a branch or a tag can move under the same name."""
    return revision is not None and COMMIT.fullmatch(revision) is not None


def is_path(repository: str) -> bool:
    """Tell whether what stands for a repository is a path to a folder."""
    return repository.startswith(("/", ".", "~")) or Path(repository).is_absolute()
