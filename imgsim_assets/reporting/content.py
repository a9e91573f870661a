"""What the report shows, put together from tables: answers with their pictures, and tables as text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from imgsim_assets.progress import track
from imgsim_assets.reporting.report import Answer, Picture, Section, Table
from imgsim_assets.spending import Spent

Show = Callable[[str, str], str]  # gives the thumbnail of a photo of a split, by name
Lists = Mapping[str, Sequence[str]]
Labels = Mapping[str, str | None]


EXPLAINED = {
    "Found": "The highest AP@10, by the widest margin.",
    "Missed": "The lowest AP@10, and among those the surest first: look here for wrong labels and twin classes.",
    "Sure": "The widest margins; no hidden labels were given to score them.",
    "Unsure": "The narrowest margins between the first class and the second, whether right or wrong.",
}
CLASSES_SHOWN = 20
COPIES_SHOWN = 50
CLUSTERS_SHOWN = 100
TIMES = {"asset": pl.String, "seconds": pl.Float64, "of_processors": pl.Float64}


def sections(chosen: Mapping[str, pl.DataFrame], lists: Lists, *, labels: Labels, show: Show) -> list[Section]:
    """Show what was listed for the queries of each section.

    Args:
        chosen: by title, one of `EXPLAINED`, each query's `name`, `label` and `average_precision` (null: not known),
            and `margin_words`.
        lists: names of train photos, best first, by query.
        labels: of train photos.
        show: gives thumbnails.
    """
    return [
        Section(
            title,
            EXPLAINED[title],
            [
                _answer(lists, labels, show, row)
                for row in track(queries.rows(named=True), "drawing the report", unit="query")
            ],
        )
        for title, queries in chosen.items()
    ]


def disagreements(queries: pl.DataFrame, lists: Mapping[str, Lists], *, labels: Labels, show: Show) -> Section:
    """Show what two libraries listed, one after the other; `lists` are by the libraries' names, see `sections`."""
    answers = []
    for row in queries.rows(named=True):
        for library, found in lists.items():
            answer = _answer(found, labels, show, row | {"average_precision": None})
            answers.append(replace(answer, query=replace(answer.query, name=f"{row['name']}, by {library}")))
    explained = "The first photos for which FAISS and Annoy list other photos, or the same in another order."
    return Section("Answered in two ways", explained, answers)


def tables(
    *,
    clusters: pl.DataFrame | None,
    rankings: pl.DataFrame,
    steps: pl.DataFrame,
    classes: pl.DataFrame,
    copies: pl.DataFrame,
    comparison: pl.DataFrame,
    verdict: str,
    quarantine: pl.DataFrame,
    took: Mapping[str, Spent],
) -> list[Table]:
    """Put the tables below the pictures.

    `clusters` are their zero-shot names, if there are any; `verdict` says in words what `comparison` does in numbers;
    `took` is what was spent on each asset.
    """
    times = pl.DataFrame([(key, *spent) for key, spent in took.items()], schema=TIMES, orient="row")
    named = [] if clusters is None else [_cluster_table(clusters)]
    return [
        *named,
        text_table("What ranking earned", "MAP@10 with its 95% interval; `gain` is paired, query by query.", rankings),
        text_table(
            "What each step earned",
            "Cross-validated inside train: MAP@10 with the step, and its paired gain over the steps before.",
            steps,
        ),
        text_table("Hardest classes", "MAP@10 of each class, the worst first.", classes.head(CLASSES_SHOWN)),
        text_table(
            "Copies across train and test",
            "Exact or near copies; a score without these queries stands beside the score above.",
            copies.head(COPIES_SHOWN),
        ),
        text_table(
            "FAISS and Annoy",
            f"Measured on these vectors, on this machine, in turns: medians, and quartiles as low and high. {verdict}",
            comparison,
        ),
        text_table("Quarantined files", "Not used, and why. Test photos among them got the fallback.", quarantine),
        text_table(
            "Where the time went",
            "Seconds that making each asset took, by the clock and of all processors, when it was last made; backbones "
            "that look at the photos in one pass have the time of that pass.",
            times,
        ),
    ]


def _cluster_table(clusters: pl.DataFrame) -> Table:
    return text_table(
        "What clusters show",
        "The largest clusters of all photos, and the nearest of your words to each; `share` of its photos are nearest "
        "to that word, too. Nobody has looked: a word that is not in the list cannot be found.",
        clusters.head(CLUSTERS_SHOWN),
    )


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
