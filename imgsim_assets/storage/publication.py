"""The folder `published/`, which changes as a whole or not at all: a link to one of the last publications.

A reader that wants several files of one publication resolves the link once, by `published`.
"""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from imgsim_assets.errors import ArtefactError, UserError
from imgsim_assets.storage.atomic import point_link, scratch_folder
from imgsim_assets.storage.ledger import ledger_of
from imgsim_assets.storage.versioned_folder import VERSION, describe, prune, settle, touch, version_of

LINK = "published"
PUBLICATIONS = "publications"
KEPT = 5
DAMAGED = "files that changed or are gone"
GC = "publish another one; `imgsim gc --yes` removes it"
SEE = "see `imgsim versions`"


def publish_folder(
    state: Path,
    build: Callable[[Path], None],
    kept: int = KEPT,
    announce: Callable[[Path, str], None] | None = None,
) -> Path:
    """Let `build` fill an empty folder, then make it the published one.

    The same content is the same publication, whenever it was built. The last ones stay on disk, for readers that are
    still in them, and to roll back to.

    Args:
        state: the state folder, which will hold `published` and `publications/`.
        build: fills the folder that it is given; if it raises, nothing changes.
        kept: how many publications stay.
        announce: told what is about to be published, its folder and version; if it raises, nothing changes.

    Returns:
        The publication's own folder, `STATE/publications/VERSION`.

    Raises:
        ArtefactError: `published` exists and is not a link.
    """
    link = state / LINK
    _refuse_other_than_link(link)
    place = state / PUBLICATIONS
    with scratch_folder(place) as built:
        build(built)
        version = version_of(describe(built), {})
        if announce:
            announce(built, version)
        target = place / version
        with FileLock(place / ".lock"):
            settle(built, target)
            touch(target)
            _point(link, version)
            prune(place, kept, version)
    return target


def publications(state: Path) -> list[Path]:
    """Give the publications that are still on disk, the one published last first."""
    found = [path for path in (state / PUBLICATIONS).glob("*") if VERSION.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def roll_back(state: Path, version: str) -> Path:
    """Publish again what was published before.

    Args:
        state: the state folder.
        version: the publication's name, or its first characters.

    Returns:
        The publication's folder.

    Raises:
        UserError: no publication, or more than one, has a name that begins so, or it was damaged.
    """
    link = state / LINK
    _refuse_other_than_link(link)
    (state / PUBLICATIONS).mkdir(parents=True, exist_ok=True)
    with FileLock(state / PUBLICATIONS / ".lock"):
        names = [path.name for path in publications(state)]
        matching = [name for name in names if version and name.startswith(version)]
        if len(matching) != 1:
            known = ", ".join(name[:8] for name in names) or "none"
            raise UserError(f"one publication that begins with {version!r}", f"{len(matching)} of {known}", SEE)
        target = state.absolute() / PUBLICATIONS / matching[0]
        if not is_whole(target):
            raise UserError(
                f"the publication {matching[0][:8]} as it was published", "files that changed or are gone", GC
            )
        _point(link, target.name)
        touch(target)
    return target


def _point(link: Path, version: str) -> None:
    if not link.is_symlink() or link.readlink() != Path(PUBLICATIONS, version):
        point_link(link, Path(PUBLICATIONS, version))


def published(state: Path) -> Path:
    """The folder that is published now; it stays as it is while others are published.

    Raises:
        ArtefactError: nothing was published yet, or what was is gone.
    """
    link = state / LINK
    _refuse_other_than_link(link)
    target = state / link.readlink() if link.is_symlink() else None
    if target is None or not VERSION.fullmatch(target.name) or not target.is_dir():
        found = "nothing" if target is None else f"a link to {target}, which is not there"
        raise ArtefactError(f"a publication at {link}", found, "run `imgsim sync`, which publishes")
    return target


def is_whole(folder: Path) -> bool:
    """Tell whether a publication holds, byte for byte, what it is named by."""
    ledger = ledger_of(folder.parent.parent)
    try:
        return version_of(describe(folder, ledger.digest), {}) == folder.name
    except (ArtefactError, OSError):
        return False
    finally:
        ledger.save()


def whole_publication(state: Path) -> Path:
    """The folder that is published now, each of its files vouched for.

    Raises:
        ArtefactError: nothing is published, or what is was damaged since.
    """
    folder = published(state.absolute())
    if not is_whole(folder):
        mend = "run `imgsim sync`, which publishes it again"
        raise ArtefactError(f"the publication {folder} as it was published", DAMAGED, mend)
    return folder


def _refuse_other_than_link(link: Path) -> None:
    if link.exists() and not link.is_symlink():
        raise ArtefactError(f"{link} to be a link that imgsim made", "something else of that name", f"move {link} away")
