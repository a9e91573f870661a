"""What one sync did: for a person, and for a script."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgsim_assets.serving import layout
from imgsim_assets.serving.publications import score_of


@dataclass
class SyncOutcome:
    """What one sync did; `notes` are what a person should know although nothing failed."""

    materialized: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    person_can_mend: bool = False
    published: Path | None = None
    seconds: float = 0.0

    def note(self, said: Iterable[str]) -> None:
        """Say something at the end, once however often it was found."""
        self.notes += [one for one in said if one not in self.notes]

    def as_json(self) -> dict[str, Any]:
        """Return the contract of `imgsim sync --json`."""
        return {
            "materialized": self.materialized,
            "failed": self.failed,
            "published": str(self.published) if self.published else None,
            "seconds": round(self.seconds, 3),
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
        lines = [f"{done} in {self.seconds:.1f} s", *self.notes]
        if self.published:
            lines += [score_of(self.published), f"submission: {self.published / layout.SUBMISSION}"]
        return "\n".join(lines)
