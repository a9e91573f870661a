"""What was tried, how often, and what held."""

from collections.abc import Iterable
from dataclasses import dataclass, field

LONGEST = 300  # characters of a first failure


@dataclass
class Situation:
    times: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass
class Tally:
    """Situations by name, in the order in which they were first tried."""

    situations: dict[str, Situation] = field(default_factory=dict)

    def note(self, name: str, problems: Iterable[str]) -> None:
        """Note one trial: it held where there are no problems."""
        found = list(problems)
        situation = self.situations.setdefault(name, Situation())
        situation.times += 1
        if found:
            situation.failures.append("; ".join(found))

    @property
    def held(self) -> bool:
        return not any(one.failures for one in self.situations.values())

    def table(self) -> str:
        rows = ["| situation | times | held | not held | first failure |", "|---|---|---|---|---|"]
        for name, one in self.situations.items():
            first = " ".join(one.failures[0].split()).replace("|", "\\|")[:LONGEST] if one.failures else ""
            rows.append(f"| {name} | {one.times} | {one.times - len(one.failures)} | {len(one.failures)} | {first} |")
        return "\n".join(rows)
