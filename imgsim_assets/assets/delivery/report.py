"""The group `delivery`, second part: the HTML gallery of what was found."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import asset, computed_by
from imgsim_assets.assets.delivery.evaluation import open_classes, open_metrics, open_summary
from imgsim_assets.assets.images.catalogue import path_of
from imgsim_assets.assets.keys import (
    COMPARISON,
    DELIVERY,
    EVALUATION,
    GALLERY,
    QUERIES,
    RANKING_CHOICE,
    RAW_IMAGES,
    REPORT,
    SOLUTION,
    neighbors_key,
)
from imgsim_assets.assets.learning.selection import open_recipe, open_steps
from imgsim_assets.assets.publishing import away, open_table, publish
from imgsim_assets.assets.search.comparison import open_verdict, score_neighbours
from imgsim_assets.assets.search.indices import NAMES
from imgsim_assets.assets.search.vectors import open_vectors
from imgsim_assets.progress import track
from imgsim_assets.reporting.gallery import Answer, Gallery, Picture, Section, Table, render_gallery, thumbnail
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval import exhibits
from imgsim_assets.retrieval.ann.protocol import LIBRARIES
from imgsim_assets.retrieval.evaluation import in_words
from imgsim_assets.retrieval.margins import class_margins, margin_in_words
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.vision.catalogue import catalogue_counts, leaked
from imgsim_assets.vision.frame import NOT_LOOKED_AT
from imgsim_assets.vision.photo import PhotoError, decode_photo

LISTED = 10
CLASSES_SHOWN = 20
COPIES_SHOWN = 50

Show = Callable[[str, str], str]


def report_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the asset of this part."""

    @asset(
        settings,
        REPORT,
        computed_by("retrieval_report/4", report=settings.report, submission={"index": settings.submission.index}),
        group=DELIVERY,
        kinds={"html"},
        deps=[
            RAW_IMAGES,
            SOLUTION,
            RANKING_CHOICE,
            GALLERY,
            QUERIES,
            *map(neighbors_key, LIBRARIES),
            EVALUATION,
            COMPARISON,
        ],
    )
    def retrieval_report(store: Store) -> dg.MaterializeResult[Any]:
        """One HTML file: what was found best and worst, where the ranking is unsure, and the tables."""
        gone: set[str] = set()
        html = render_gallery(_gallery(store, settings, gone))

        def write(folder: Path) -> None:
            (folder / layout.REPORT).write_bytes(html.encode("utf-8", "replace"))

        return publish(store, REPORT, write, facts=away(gone, of=open_table(store, RAW_IMAGES).height))

    return [retrieval_report]


def _gallery(store: Store, settings: Settings, gone: set[str]) -> Gallery:
    """Put the report together; `gone` is told the photos whose place stays empty, since their file is away."""
    catalogue = open_table(store, RAW_IMAGES)
    queries = _queries(store, settings)
    lists = _lists(store, settings.submission.index)
    labels = dict(open_table(store, GALLERY).select("name", "label").iter_rows())
    show = _pictures(settings, catalogue, gone)
    answer = functools.partial(_answer, lists, labels, show)
    count = settings.report.queries
    sections = [
        Section("Found", "The highest AP@10, by the widest margin.", _answers(answer, exhibits.found(queries), count)),
        Section(
            "Missed",
            "The lowest AP@10, and among those the surest first: look here for wrong labels and twin classes.",
            _answers(answer, exhibits.missed(queries), count),
        ),
        Section(
            "Sure",
            "The widest margins; no hidden labels were given to score them.",
            _answers(answer, exhibits.sure(queries), count),
        ),
        Section(
            "Unsure",
            "The narrowest margins between the first class and the second, whether right or wrong.",
            _answers(answer, exhibits.unsure(queries), count),
        ),
        Section(
            "Answered in two ways",
            "The first photos for which FAISS and Annoy list other photos, or the same in another order.",
            _disagreements(store, queries, labels, show, count),
        ),
    ]
    return Gallery(in_words(open_metrics(store)), _facts(catalogue, store), sections, _tables(catalogue, store))


def _lists(store: Store, library: str) -> dict[str, list[str]]:
    """Give the names that a library lists for each query, best first."""
    ranked = open_table(store, neighbors_key(library)).filter(pl.col("rank") <= LISTED)
    return dict(ranked.sort("query", "rank").group_by("query", maintain_order=True).agg("name").iter_rows())


def _disagreements(
    store: Store, queries: pl.DataFrame, labels: Mapping[str, str | None], show: Show, count: int
) -> list[Answer]:
    lists = {NAMES[library]: _lists(store, library) for library in LIBRARIES}
    one, other = lists.values()
    differing = [name for name in queries["name"] if one.get(name) != other.get(name)][:count]
    rows = queries.filter(pl.col("name").is_in(differing)).rows(named=True)
    answers = []
    for row in rows:
        for library, found in lists.items():
            answer = _answer(found, labels, show, row | {"average_precision": None})
            answers.append(replace(answer, query=replace(answer.query, name=f"{row['name']}, by {library}")))
    return answers


def _queries(store: Store, settings: Settings) -> pl.DataFrame:
    """Give each test photo its margin, in words too, and its hidden label and AP@10 where they are known."""
    gallery, vectors = open_vectors(store, GALLERY)
    photos, asked = open_vectors(store, QUERIES)
    margins = class_margins(vectors, gallery["class_number"].to_numpy(), asked)
    scores = score_neighbours(store, settings.submission.index)
    recipe = open_recipe(store)
    words = [margin_in_words(margin, recipe) for margin in margins.tolist()]
    shown = photos.with_columns(pl.Series("margin", margins), pl.Series("margin_words", words, dtype=pl.String))
    return shown.join(scores, on="name", how="left", maintain_order="left")


def _pictures(settings: Settings, catalogue: pl.DataFrame, gone: set[str]) -> Show:
    chosen = catalogue.select("split", "name", "path", "content_id")
    rows = {(row["split"], row["name"]): row for row in chosen.iter_rows(named=True)}

    @functools.cache
    def show(split: str, name: str) -> str:
        row = rows[split, name]
        try:
            limit = settings.ingest.max_pixels
            photo = decode_photo(path_of(row, settings), limit, known_by=row["content_id"])
        except PhotoError:
            gone.add(row["content_id"])
            photo = NOT_LOOKED_AT
        return thumbnail(photo, settings.report.thumbnail)

    return show


def _answers(answer: Callable[[dict[str, Any]], Answer], queries: pl.DataFrame, count: int) -> list[Answer]:
    return [answer(row) for row in track(queries.head(count).rows(named=True), "drawing the report", unit="query")]


def _answer(
    lists: Mapping[str, Sequence[str]], labels: Mapping[str, str | None], show: Show, query: Mapping[str, Any]
) -> Answer:
    truth = query["label"]
    pictures = [
        Picture(name, show("train", name), labels[name], labels[name] == truth if truth and labels[name] else None)
        for name in lists.get(query["name"], ())
    ]
    asked = Picture(query["name"], show("test", query["name"]), truth)
    return Answer(asked, pictures, query["average_precision"], query["margin_words"])


def _facts(catalogue: pl.DataFrame, store: Store) -> list[tuple[str, str]]:
    metrics = open_metrics(store)
    counts = catalogue_counts(catalogue)
    facts = [(name.replace("_", " "), f"{value:,}") for name, value in counts.items()]
    if metrics["map_at_10"] is not None:
        facts.append(("gain over cosine", f"{metrics['gain_over_cosine']:+.3f}"))
    return facts


def _tables(catalogue: pl.DataFrame, store: Store) -> list[Table]:
    refused = catalogue.filter(pl.col("status") != "ok").select("split", "name", "reason", "detail")
    return [
        _table(
            "What ranking earned",
            "MAP@10 with its 95% interval; `gain` is paired, query by query.",
            open_summary(store),
        ),
        _table(
            "What each step earned",
            "Cross-validated inside train: MAP@10 with the step, and its paired gain over the steps before.",
            open_steps(store).drop("step"),
        ),
        _table("Hardest classes", "MAP@10 of each class, the worst first.", open_classes(store).head(CLASSES_SHOWN)),
        _table(
            "Copies across train and test",
            "Exact or near copies; a score without these queries stands beside the score above.",
            _copies(catalogue),
        ),
        _table(
            "FAISS and Annoy",
            f"Measured on these vectors, on this machine, in turns: medians, and quartiles as low and high. "
            f"{open_verdict(store)}",
            open_table(store, COMPARISON),
        ),
        _table("Quarantined files", "Not used, and why. Test photos among them got the fallback.", refused),
    ]


def _copies(catalogue: pl.DataFrame) -> pl.DataFrame:
    """List groups of copies that lie in both splits: names of their test and train photos."""
    usable = catalogue.filter(pl.col("status") == "ok")
    names = [
        pl.col("name").filter(pl.col("split") == split).sort().str.join(", ").alias(f"{split} photos")
        for split in ("test", "train")
    ]
    groups = usable.filter(leaked(usable)).group_by("near_duplicate_group", maintain_order=True).agg(*names)
    return groups.drop("near_duplicate_group").sort("test photos").head(COPIES_SHOWN)


def _table(title: str, explanation: str, table: pl.DataFrame) -> Table:
    rows = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in table.iter_rows()]
    return Table(title, explanation, [name.replace("_", " ") for name in table.columns], rows)
