"""Photos whose file was away or changed while it was looked at: they are tried again, unless they are too many."""

from collections.abc import Collection

from imgsim_assets.errors import InputError
from imgsim_assets.storage.versioned_folder import JSON

AWAY = "away"  # the fact of an artefact that says how many there were
FEW_AWAY, SHARE_AWAY = 10, 0.1


def away_fact(photos: Collection[str], of: int) -> dict[str, JSON]:
    """Give the fact that these photos, of so many, are to be tried again; none, where there are none.

    Raises:
        InputError: they are so many that it is the folder which is away.
    """
    if len(photos) > max(FEW_AWAY, SHARE_AWAY * of):
        raise InputError(
            "photos that stay where they are while they are looked at",
            f"{len(photos)} of {of} away or changed",
            "see that the folder can be reached and is at rest, then run `imgsim sync` again; what was made is kept",
        )
    return {AWAY: len(photos)} if photos else {}
