"""What the report shows, put together from tables: answers with their pictures, and tables as text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from imgsim_assets.progress import track
from imgsim_assets.reporting.gallery import Answer, Picture, Section, Table

Show = Callable[[str, str], str]  # gives the thumbnail of a photo of a split, by name
Lists = Mapping[str, Sequence[str]]
Labels = Mapping[str, str | None]


def section(
    title: str, explanation: str, queries: pl.DataFrame, lists: Lists, *, labels: Labels, show: Show
) -> Section:
    """Show what was listed for each query.

    Args:
        title: of the section.
        explanation: what a reader should look for.
        queries: `name`, `label` and `average_precision` (null: not known), `margin_words`.
        lists: names of train photos, best first, by query.
        labels: of train photos.
        show: gives thumbnails.
    """
    rows = track(queries.rows(named=True), "drawing the report", unit="query")
    return Section(title, explanation, [_answer(lists, labels, show, row) for row in rows])


def disagreements(
    title: str, explanation: str, queries: pl.DataFrame, lists: Mapping[str, Lists], *, labels: Labels, show: Show
) -> Section:
    """Show what two libraries listed, one after the other; `lists` are by the libraries' names, see `section`."""
    answers = []
    for row in queries.rows(named=True):
        for library, found in lists.items():
            answer = _answer(found, labels, show, row | {"average_precision": None})
            answers.append(replace(answer, query=replace(answer.query, name=f"{row['name']}, by {library}")))
    return Section(title, explanation, answers)


def text_table(title: str, explanation: str, table: pl.DataFrame) -> Table:
    """Write a table as text, numbers with four digits."""
    rows = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in table.iter_rows()]
    return Table(title, explanation, [name.replace("_", " ") for name in table.columns], rows)


def facts_in_words(counts: Mapping[str, int], metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name what was counted, and what was gained over plain cosine where that was measured."""
    facts = [(name.replace("_", " "), f"{value:,}") for name, value in counts.items()]
    if metrics["map_at_10"] is not None:
        facts.append(("gain over cosine", f"{metrics['gain_over_cosine']:+.3f}"))
    return facts


def _answer(lists: Lists, labels: Labels, show: Show, query: Mapping[str, Any]) -> Answer:
    truth = query["label"]
    pictures = [
        Picture(name, show("train", name), labels[name], labels[name] == truth if truth and labels[name] else None)
        for name in lists.get(query["name"], ())
    ]
    asked = Picture(query["name"], show("test", query["name"]), truth)
    return Answer(asked, pictures, query["average_precision"], query["margin_words"])
