"""Whether a new ranking may take the place of the published one; hidden labels have no say in it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from imgsim_assets.retrieval.average_precision import mean_average_precision

COMPARABLE = 0.8


@dataclass(frozen=True)
class Quality:
    """What a publication is judged by, and later judges its successor by.

    `validated` has the train photos that asked in cross-validation: `photo`, `label`, `average_precision`; no rows
    where there were too few labels. `recall` is recall@10 against exact search, by index.
    """

    validated: pl.DataFrame
    recall: Mapping[str, float]


@dataclass(frozen=True)
class Criterion:
    """One condition for publishing: what it asks, what was found, and whether that will do."""

    name: str
    asked: str
    found: str
    passed: bool


def gate_criteria(
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
        MAP@10 not below the interval of the champion's, both over the photos that asked in both cross-validations;
        recall of the served index; and parity of ids.
    """
    found = challenger.recall.get(served, 0.0)
    ids = ", ".join(f"{count} in {name}" for name, count in foreign.items() if count)
    return [
        *_not_worse(challenger.validated, champion.validated if champion else challenger.validated.clear()),
        Criterion(
            "recall", f"recall@10 of {served} at least {least_recall:.3f}", f"{found:.3f}", found >= least_recall
        ),
        Criterion("ids", "the same photos in gallery, indices and submission", ids or "the same", not ids),
    ]


def refusals(criteria: Sequence[Criterion]) -> str:
    """Say what is not as asked; empty: publish."""
    return "; ".join(f"{one.name}: asked {one.asked}, found {one.found}" for one in criteria if not one.passed)


def _not_worse(challenger: pl.DataFrame, champion: pl.DataFrame) -> list[Criterion]:
    if champion.is_empty():
        return []
    both = challenger.join(champion, on=["photo", "label"], suffix="_of_champion")
    if both.height < COMPARABLE * max(challenger.height, champion.height):
        # Another collection, or other labels, is another measure: neither figure says which ranking is better.
        asked = f"{COMPARABLE:.0%} of the labelled photos to be the same, for a comparison"
        return [Criterion("quality", asked, f"{both.height} of {champion.height}: not compared", passed=True)]
    published = mean_average_precision(both["average_precision_of_champion"].to_numpy())
    new = mean_average_precision(both["average_precision"].to_numpy()).value
    asked = f"cross-validated MAP@10 at least {published.low:.4f} (published: {published.value:.4f})"
    return [Criterion("quality", asked, f"{new:.4f}", passed=new >= published.low)]


def foreign_names(lists: Mapping[str, Sequence[str]], gallery: Collection[str]) -> int:
    """Count the names in lists of recommendations that the gallery does not know."""
    return len({name for names in lists.values() for name in names} - set(gallery))
