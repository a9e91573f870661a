"""What fine-tuning takes where the settings say `auto`, by kind of backbone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Usual:
    """The learning rate of the last block, and how many times larger photos are than the backbone's own."""

    rate: float
    enlarge: float


KINDS = {"compact": Usual(rate=2e-3, enlarge=1.5)}
# They have learned from so many photos, of the size that they were made for, that little is to be changed.
OTHERS = Usual(rate=3e-5, enlarge=1.0)


def usual(uri: str) -> Usual:
    """Say what is usual for the backbone at `uri`, `KIND:NAME`."""
    return KINDS.get(uri.partition(":")[0], OTHERS)
