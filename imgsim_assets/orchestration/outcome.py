"""What one sync did: for a person, and for a script."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgsim_assets.serving import layout
from imgsim_assets.serving.publications import score_of
from imgsim_assets.spending import Spent

STEPS_SHOWN = 8
NAME = 32  # characters


@dataclass(frozen=True)
class EarlyAnswer:
    """A provisional publication, its own folder, and the seconds after which it was there."""

    published: Path
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return its part of the contract of `imgsim sync --json`."""
        return {"published": str(self.published), "seconds": round(self.seconds, 3)}


@dataclass
class SyncOutcome:
    """What one sync did; `notes` are what a person should know although nothing failed, `took` is by step."""

    materialized: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    person_can_mend: bool = False
    published: Path | None = None
    early: EarlyAnswer | None = None
    spent: Spent = field(default_factory=lambda: Spent(0.0, 0.0))
    took: Mapping[str, Spent] = field(default_factory=dict)

    def note(self, said: Iterable[str]) -> None:
        """Say something at the end, once however often it was found."""
        self.notes += [one for one in said if one not in self.notes]

    def as_json(self) -> dict[str, Any]:
        """Return the contract of `imgsim sync --json`."""
        return {
            "materialized": self.materialized,
            "failed": self.failed,
            "published": str(self.published) if self.published else None,
            "first_answer": self.early.as_json() if self.early else None,
            "seconds": round(self.spent.wall, 3),
        }

    def in_words(self) -> str:
        """Say the same to a person, with the score and the place of the submission."""
        if self.failed:
            return "\n".join([f"failed: {', '.join(self.failed)}", *self.reasons, *self.notes])
        done = (
            f"materialized {len(self.materialized)} assets"
            if self.materialized
            else "all fresh: nothing to materialize"
        )
        lines = [f"{done} in {self.spent.wall:.1f} s", *self._times(), *self.notes]
        if self.published:
            lines += [score_of(self.published), f"submission: {self.published / layout.SUBMISSION}"]
        return "\n".join(lines)

    def _times(self) -> Iterator[str]:
        """Say where the time went, the longest step first."""
        if not self.took:
            return
        longest = sorted(self.took.items(), key=lambda one: one[1].wall, reverse=True)
        rows, others = longest[:STEPS_SHOWN], longest[STEPS_SHOWN:]
        if others:
            rows.append((f"{len(others)} other steps", Spent.sum(spent for _, spent in others)))
        whole = Spent.sum(self.took.values())
        rows.append(("between the steps", Spent(self.spent.wall - whole.wall, self.spent.cpu - whole.cpu)))
        yield f"{'where the time went':<{NAME}}{'seconds':>9}{'of processors':>15}"
        for name, spent in rows:
            yield f"  {name:<{NAME - 2}}{spent.wall:9.1f}{spent.cpu:15.1f}"
