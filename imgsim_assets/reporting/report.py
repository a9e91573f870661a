"""The HTML report: what was found, shown as pictures, in one file that needs no network."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources


@dataclass(frozen=True)
class Picture:
    """A thumbnail with its caption."""

    name: str
    thumbnail: str
    label: str | None = None
    relevant: bool | None = None


@dataclass(frozen=True)
class Answer:
    """One query and its ranked photos, best first; `margin`: by how much its first class leads, with the unit."""

    query: Picture
    found: Sequence[Picture]
    average_precision: float | None = None
    margin: str | None = None


@dataclass(frozen=True)
class Section:
    """A titled group of answers and what a reader should look for in it."""

    title: str
    explanation: str
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Table:
    """A titled table of text cells."""

    title: str
    explanation: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Report:
    """Everything that `report.html` shows."""

    headline: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    tables: Sequence[Table] = field(default_factory=tuple)


def render_report(report: Report) -> str:
    """Return the report as one HTML document; names and labels are escaped."""
    import jinja2

    template = resources.files(__package__).joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template).render(report=report)
