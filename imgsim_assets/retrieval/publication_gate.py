"""Whether a new ranking may take the place of the published one; hidden labels have no say in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel


class Quality(BaseModel):
    """What a publication is judged by, and later judges its successor by.

    `map_at_10`, `low` and `high` are cross-validated inside train; None where that could not be done.
    `recall` is recall@10 against exact search, by index.
    """

    map_at_10: float | None
    low: float | None
    high: float | None
    recall: dict[str, float]


@dataclass(frozen=True)
class Criterion:
    """One condition for publishing: what it asks, what was found, and whether that will do."""

    name: str
    asked: str
    found: str
    passed: bool


def judge(
    challenger: Quality, champion: Quality | None, *, least_recall: float, served: str, foreign: Mapping[str, int]
) -> list[Criterion]:
    """Hold a new ranking against the published one.

    Args:
        challenger: the new one.
        champion: the published one; None: there is none, or nothing is known of it.
        least_recall: recall@10 that the index which answers must reach.
        served: that index.
        foreign: how many ids of each part (an index, the submission) the gallery does not know, or lacks.

    Returns:
        Cross-validated MAP@10 not below the champion's interval, recall of the served index, and parity of ids.
    """
    found = challenger.recall.get(served, 0.0)
    ids = ", ".join(f"{count} in {name}" for name, count in foreign.items() if count)
    return [
        *_not_worse(challenger, champion),
        Criterion(
            "recall", f"recall@10 of {served} at least {least_recall:.3f}", f"{found:.3f}", found >= least_recall
        ),
        Criterion("ids", "the same photos in gallery, indices and submission", ids or "the same", not ids),
    ]


def refusals(criteria: Sequence[Criterion]) -> str:
    """Say what is not as asked; empty: publish."""
    return "; ".join(f"{one.name}: asked {one.asked}, found {one.found}" for one in criteria if not one.passed)


def _not_worse(challenger: Quality, champion: Quality | None) -> list[Criterion]:
    if champion is None or champion.low is None or champion.map_at_10 is None:
        return []
    asked = f"cross-validated MAP@10 at least {champion.low:.4f} (published: {champion.map_at_10:.4f})"
    if challenger.map_at_10 is None:
        # Labels were taken away: there is nothing to compare by, and the photos are no longer those of the champion.
        return [Criterion("quality", asked, "not measured, for there are too few labels", passed=True)]
    return [Criterion("quality", asked, f"{challenger.map_at_10:.4f}", passed=challenger.map_at_10 >= champion.low)]
