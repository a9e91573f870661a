"""The group `delivery`, second part: the HTML gallery of what was found."""

import functools
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets import keys
from imgsim_assets.assets.asset import asset, computed_by
from imgsim_assets.assets.delivery.evaluation import open_classes, open_metrics, open_summary
from imgsim_assets.assets.learning.selection import open_recipe, open_steps
from imgsim_assets.assets.publishing import away, open_table, publish
from imgsim_assets.assets.search.comparison import open_verdict, score_neighbours
from imgsim_assets.assets.search.vectors import open_vectors
from imgsim_assets.reporting.content import Show, disagreements, facts_in_words, section, text_table
from imgsim_assets.reporting.gallery import Gallery, Section, Table, render_gallery, thumbnail
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval import exhibits
from imgsim_assets.retrieval.ann.protocol import LIBRARIES, NAMES
from imgsim_assets.retrieval.evaluation import in_words
from imgsim_assets.retrieval.margins import class_margins, margin_in_words
from imgsim_assets.retrieval.scoring import ranked_lists
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import writing
from imgsim_assets.vision.catalogue import catalogue_counts, copies
from imgsim_assets.vision.catalogue_words import quarantine
from imgsim_assets.vision.frame import NOT_LOOKED_AT
from imgsim_assets.vision.photo import PhotoError, decode_photo
from imgsim_assets.vision.rows import path_of

LISTED = 10
CLASSES_SHOWN = 20
COPIES_SHOWN = 50
EXHIBITS = (
    ("Found", "The highest AP@10, by the widest margin.", exhibits.found),
    (
        "Missed",
        "The lowest AP@10, and among those the surest first: look here for wrong labels and twin classes.",
        exhibits.missed,
    ),
    ("Sure", "The widest margins; no hidden labels were given to score them.", exhibits.sure),
    (
        "Unsure",
        "The narrowest margins between the first class and the second, whether right or wrong.",
        exhibits.unsure,
    ),
)
IN_TWO_WAYS = (
    "Answered in two ways",
    "The first photos for which FAISS and Annoy list other photos, or the same in another order.",
)


def report_asset(settings: Settings) -> dg.AssetsDefinition:
    """Build the asset of the report."""

    @asset(
        settings,
        keys.REPORT,
        computed_by("retrieval_report/4", report=settings.report, submission={"index": settings.submission.index}),
        group=keys.DELIVERY,
        kinds={"html"},
        deps=[
            keys.RAW_IMAGES,
            keys.SOLUTION,
            keys.RANKING_CHOICE,
            keys.GALLERY,
            keys.QUERIES,
            *map(keys.neighbors_key, LIBRARIES),
            keys.EVALUATION,
            keys.COMPARISON,
        ],
    )
    def retrieval_report(store: Store) -> dg.MaterializeResult[Any]:
        """One HTML file: what was found best and worst, where the ranking is unsure, and the tables."""
        catalogue, metrics, gone = open_table(store, keys.RAW_IMAGES), open_metrics(store), set[str]()
        sections = _sections(store, settings, _pictures(settings, catalogue, gone))
        facts = facts_in_words(catalogue_counts(catalogue), metrics)
        html = render_gallery(Gallery(in_words(metrics), facts, sections, _tables(catalogue, store)))
        content = writing({layout.REPORT: html.encode("utf-8", "replace")})
        return publish(store, keys.REPORT, content, facts=away(gone, of=catalogue.height))

    return retrieval_report


def _sections(store: Store, settings: Settings, show: Show) -> list[Section]:
    queries, shown = _queries(store, settings), settings.report.queries
    lists = {library: ranked_lists(open_table(store, keys.neighbors_key(library)), LISTED) for library in LIBRARIES}
    labels = dict(open_table(store, keys.GALLERY).select("name", "label").iter_rows())
    differing = exhibits.differing(queries, *lists.values()).head(shown)
    by_name = {NAMES[library]: found for library, found in lists.items()}
    served = lists[settings.submission.index]
    return [
        *(
            section(title, explanation, choose(queries).head(shown), served, labels=labels, show=show)
            for title, explanation, choose in EXHIBITS
        ),
        disagreements(*IN_TWO_WAYS, differing, by_name, labels=labels, show=show),
    ]


def _queries(store: Store, settings: Settings) -> pl.DataFrame:
    """Give each test photo its margin, in words too, and its hidden label and AP@10 where they are known."""
    gallery, vectors = open_vectors(store, keys.GALLERY)
    photos, asked = open_vectors(store, keys.QUERIES)
    margins = class_margins(vectors, gallery["class_number"].to_numpy(), asked)
    scores = score_neighbours(store, settings.submission.index)
    recipe = open_recipe(store)
    words = [margin_in_words(margin, recipe) for margin in margins.tolist()]
    shown = photos.with_columns(pl.Series("margin", margins), pl.Series("margin_words", words, dtype=pl.String))
    return shown.join(scores, on="name", how="left", maintain_order="left")


def _pictures(settings: Settings, catalogue: pl.DataFrame, gone: set[str]) -> Show:
    """Give what draws thumbnails; `gone` is told the photos whose place stays empty, since their file is away."""
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


def _tables(catalogue: pl.DataFrame, store: Store) -> list[Table]:
    return [
        text_table(
            "What ranking earned",
            "MAP@10 with its 95% interval; `gain` is paired, query by query.",
            open_summary(store),
        ),
        text_table(
            "What each step earned",
            "Cross-validated inside train: MAP@10 with the step, and its paired gain over the steps before.",
            open_steps(store).drop("step"),
        ),
        text_table(
            "Hardest classes", "MAP@10 of each class, the worst first.", open_classes(store).head(CLASSES_SHOWN)
        ),
        text_table(
            "Copies across train and test",
            "Exact or near copies; a score without these queries stands beside the score above.",
            copies(catalogue).head(COPIES_SHOWN),
        ),
        text_table(
            "FAISS and Annoy",
            f"Measured on these vectors, on this machine, in turns: medians, and quartiles as low and high. "
            f"{open_verdict(store)}",
            open_table(store, keys.COMPARISON),
        ),
        text_table(
            "Quarantined files", "Not used, and why. Test photos among them got the fallback.", quarantine(catalogue)
        ),
    ]
