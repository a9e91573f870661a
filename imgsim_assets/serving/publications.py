"""The publications on disk: which there are, and how good each is."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

from imgsim_assets.retrieval.evaluation import in_words
from imgsim_assets.serving import layout
from imgsim_assets.serving.provisional import is_provisional
from imgsim_assets.storage.publication import LINK, is_whole, publications

GC = "`imgsim gc --yes` removes it"


@dataclass(frozen=True)
class Version:
    """One publication: its name, when it was published (ISO 8601, UTC), and its score, or how it was damaged."""

    name: str
    published_at: str
    is_current: bool
    score: str
    damage: str | None = None


def list_versions(state: Path) -> list[Version]:
    """Give the publications on disk, the one published last first; none where there is no folder."""
    link = state / LINK
    current = link.readlink().name if link.is_symlink() else None
    return [_version(folder, folder.name == current) for folder in publications(state.absolute())]


def score_of(publication: Path) -> str:
    """Say the score of a publication, or that it cannot be read."""
    try:
        said = in_words(json.loads((publication / layout.METRICS).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"no score: its {layout.METRICS} is damaged or gone"
    return f"provisional: {said}" if is_provisional(publication) else said


def _version(folder: Path, is_current: bool) -> Version:
    damage = None if is_whole(folder) else f"damaged; {'`imgsim sync` publishes it again' if is_current else GC}"
    return Version(
        name=folder.name,
        published_at=dt.datetime.fromtimestamp(folder.stat().st_mtime, dt.UTC).isoformat(" ", "seconds"),
        is_current=is_current,
        score=damage or score_of(folder),
        damage=damage,
    )
