"""The folder `published/`, which changes as a whole or not at all: a link to one of the last publications.

A reader that wants several files of one publication resolves the link once, by `published`.
"""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from imgsim_assets.errors import ArtefactError
from imgsim_assets.storage.atomic import point_link, scratch_folder
from imgsim_assets.storage.versioned_folder import VERSION, describe, prune, settle, touch, version_of

LINK = "published"
PUBLICATIONS = "publications"
KEPT = 5


def publish_folder(state: Path, build: Callable[[Path], None]) -> Path:
    """Let `build` fill an empty folder, then make it the published one.

    The same content is the same publication, whenever it was built. The last five stay on disk, for
    readers that are still in them.

    Args:
        state: the state folder, which will hold `published` and `publications/`.
        build: fills the folder that it is given; if it raises, nothing changes.

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
        target = place / version
        with FileLock(place / ".lock"):
            settle(built, target)
            touch(target)
            if not link.is_symlink() or link.readlink() != Path(PUBLICATIONS, version):
                point_link(link, Path(PUBLICATIONS, version))
            prune(place, KEPT, version)
    return target


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


def _refuse_other_than_link(link: Path) -> None:
    if link.exists() and not link.is_symlink():
        raise ArtefactError(f"{link} to be a link that imgsim made", "something else of that name", f"move {link} away")
