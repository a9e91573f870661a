"""What would stop a sync at its end is looked for before it computes anything, and told at once.

Names, label files and settings are known without opening a photo; which photos can be opened, `raw_images` knows.
"""

from pathlib import Path

from imgsim_assets.errors import InputError, UserError, joined
from imgsim_assets.retrieval.submission import count_faults, separator_faults
from imgsim_assets.serving.cluster_words import word_faults
from imgsim_assets.settings import Settings
from imgsim_assets.vision.folder import PhotoFolder, read_folder
from imgsim_assets.vision.labels import read_solution
from imgsim_assets.vision.photo_names import is_photo_name


def open_folder(settings: Settings) -> PhotoFolder:
    """List the folder of photos, and hold names and label files against the settings.

    Raises:
        UserError: the folder cannot be used, or no submission could be made of it; every fault in one list.
    """
    data, ingest, chosen = settings.places.data, settings.ingest, settings.submission
    folder = read_folder(data, ingest)
    names = folder.names("train")
    faults = count_faults(len(names), chosen) + separator_faults(filter(is_photo_name, names), chosen)
    try:  # only whether it can be read: nobody here looks at a hidden label
        read_solution(data, folder.names("test"), ingest)
    except UserError as fault:
        faults.append(fault)
    faults += word_faults(settings)
    faults += _state_faults(folder, settings.places.state.resolve())
    if faults:
        raise joined(faults)
    return folder


def _state_faults(folder: PhotoFolder, state: Path) -> list[UserError]:
    """Say whether a link among the photos leads into the state folder, whose files would be photos."""
    for parent in sorted({entry.path.parent for entry in folder.entries}):
        if parent.resolve().is_relative_to(state):
            mend = "take the link away, or name another folder with --state"
            return [InputError(f"no photos in the state folder {state}", f"those in {parent}", mend)]
    return []
