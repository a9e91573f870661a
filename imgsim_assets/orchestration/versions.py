"""The publications on disk: which there are, and how to go back to one."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from imgsim_assets.orchestration.outcome import score_of
from imgsim_assets.resources.measuring import tracking_of
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import LINK, is_whole, publications, roll_back
from imgsim_assets.storage.state_lock import only_user

ROLL_BACK = "roll-back"
GC = "`imgsim gc --yes` removes it"


@dataclass(frozen=True)
class Version:
    """One publication."""

    name: str
    published_at: str
    is_current: bool
    score: str
    damage: str | None = None


def list_versions(settings: Settings) -> list[Version]:
    """Give the publications that can be rolled back to, the one published last first."""
    link = settings.places.state / LINK
    current = link.readlink().name if link.is_symlink() else None
    return [_version(folder, folder.name == current) for folder in publications(settings.places.state.absolute())]


def _version(folder: Path, is_current: bool) -> Version:
    damage = None if is_whole(folder) else f"damaged; {'`imgsim sync` publishes it again' if is_current else GC}"
    return Version(
        name=folder.name,
        published_at=dt.datetime.fromtimestamp(folder.stat().st_mtime, dt.UTC).isoformat(" ", "seconds"),
        is_current=is_current,
        score=damage or score_of(folder),
        damage=damage,
    )


def roll_back_to(settings: Settings, version: str) -> tuple[str, str | None, list[str]]:
    """Publish an older version again, and make it the champion in MLflow's registry.

    It stays published until something that the ranking is made of changes.

    Args:
        settings: where the state and the tracking store are.
        version: its name, or the first characters of it.

    Returns:
        Its whole name; its number in the registry, None: it was never registered, or MLflow cannot be told before the
        next sync; and what is to be said of that.

    Raises:
        UserError: there is no such version, or more than one.
        SyncInProgressError: a sync is at work on the state folder.
    """
    tracking = tracking_of(settings)
    with only_user(settings.places.state):
        tracking.begin(ROLL_BACK)
        name = roll_back(settings.places.state, version).name
        registered, notes = tracking.crown(name)
        if not notes:
            tracking.end(ROLL_BACK)
        return name, registered, notes
