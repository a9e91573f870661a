"""The publications on disk: which there are, and how to go back to one."""

import datetime as dt
from dataclasses import dataclass

from imgsim_assets.orchestration.outcome import score_of
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import LINK, publications, roll_back
from imgsim_assets.storage.state_lock import only_user


@dataclass(frozen=True)
class Version:
    """One publication."""

    name: str
    published_at: str
    is_current: bool
    score: str


def list_versions(settings: Settings) -> list[Version]:
    """Give the publications that can be rolled back to, the one published last first."""
    link = settings.places.state / LINK
    current = link.readlink().name if link.is_symlink() else None
    return [
        Version(
            name=folder.name,
            published_at=dt.datetime.fromtimestamp(folder.stat().st_mtime, dt.UTC).isoformat(" ", "seconds"),
            is_current=folder.name == current,
            score=score_of(folder),
        )
        for folder in publications(settings.places.state)
    ]


def roll_back_to(settings: Settings, version: str) -> tuple[str, str | None]:
    """Publish an older version again, and make it the champion in MLflow's registry.

    It stays published until something that the ranking is made of changes.

    Args:
        settings: where the state and the tracking store are.
        version: its name, or the first characters of it.

    Returns:
        Its whole name, and its number in the registry; None: it was never registered.

    Raises:
        UserError: there is no such version, or more than one.
        SyncInProgressError: a sync is at work on the state folder.
    """
    tracking = Tracking(
        state=str(settings.places.state), uri=settings.tracking.uri, experiment=settings.tracking.experiment
    )
    with only_user(settings.places.state):
        name = roll_back(settings.places.state, version).name
        return name, tracking.crown(name)
