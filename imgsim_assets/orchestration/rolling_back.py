"""The way back to an older publication, in the state folder and in MLflow's registry."""

from imgsim_assets.errors import UserError
from imgsim_assets.resources.measuring import tracking_of
from imgsim_assets.serving.provisional import is_provisional
from imgsim_assets.settings import Settings
from imgsim_assets.storage.publication import SEE, publications, roll_back
from imgsim_assets.storage.state_lock import only_user

ROLL_BACK = "roll-back"


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
        UserError: there is no such version, or more than one, or it is a provisional answer.
        SyncInProgressError: a sync is at work on the state folder.
    """
    tracking = tracking_of(settings)
    with only_user(settings.places.state):
        for folder in publications(settings.places.state.absolute()):
            if version and folder.name.startswith(version) and is_provisional(folder):
                raise UserError("a final publication", f"the provisional answer {folder.name[:8]}", SEE)
        tracking.begin(ROLL_BACK)
        name = roll_back(settings.places.state, version).name
        registered, notes = tracking.crown(name)
        if not notes:
            tracking.end(ROLL_BACK)
        return name, registered, notes
