"""What Lance raises, as errors of ours: it has no error class of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imgsim_assets.errors import ArtefactError
from imgsim_assets.world import world_fault_in

MEND = "run `imgsim sync`, which drops what cannot be read and computes it again"


@contextmanager
def damage_reported(folder: Path) -> Iterator[None]:
    """Let what Lance raises of damage be an error of ours, with words for a person.

    Raises:
        ArtefactError: the dataset in `folder` cannot be read.
        WorldError: the disk is full, or another fault of the world.
    """
    try:
        yield
    except BaseException as error:
        # A panic in Rust is not even an Exception, and its class cannot be imported.
        if not isinstance(error, (OSError, ValueError, RuntimeError)) and type(error).__name__ != "PanicException":
            raise
        damage = ArtefactError(f"a whole Lance dataset in {folder}", str(error)[:300], MEND)
        raise world_fault_in(error) or damage from error
