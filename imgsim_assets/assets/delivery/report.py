"""The group `delivery`, second part: the HTML report of what was found."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets import keys
from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.delivery.evaluation import open_classes, open_metrics, open_summary
from imgsim_assets.assets.keeping import keep, keep_again, made_before, open_table
from imgsim_assets.assets.learning.pool import read_views
from imgsim_assets.assets.learning.selection import open_recipe, open_steps
from imgsim_assets.assets.search.comparison import open_verdict, score_neighbours
from imgsim_assets.assets.search.vectors import open_vectors
from imgsim_assets.fingerprint import bytes_id
from imgsim_assets.reporting.content import Show, disagreements, facts_in_words, sections, tables
from imgsim_assets.reporting.report import Report, Section, Table, render_report
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval import exhibits
from imgsim_assets.retrieval.ann.protocol import LIBRARIES, NAMES
from imgsim_assets.retrieval.evaluation import in_words
from imgsim_assets.retrieval.margins import class_margins, with_margins
from imgsim_assets.retrieval.scoring import ranked_lists
from imgsim_assets.serving import layout, provisional
from imgsim_assets.serving.cluster_words import named_clusters, words_read
from imgsim_assets.settings import Settings
from imgsim_assets.spending import Spent
from imgsim_assets.storage.formats import writing
from imgsim_assets.vision.away import away_fact
from imgsim_assets.vision.catalogue import catalogue_counts, copies
from imgsim_assets.vision.catalogue_words import quarantine
from imgsim_assets.vision.thumbnails import thumbnails

LISTED = 10
TIMELESS = "timeless"  # the digest of the report without its times

Times = Callable[[dg.DagsterInstance], Mapping[str, Spent]]  # gives what each asset took when it was last made


def report_asset(settings: Settings) -> dg.AssetsDefinition:
    """Build the asset of the report."""

    @asset(
        settings,
        keys.REPORT,
        computed_by(
            "retrieval_report/4",
            report=settings.report,
            submission={"index": settings.submission.index},
            **words_read(settings),
        ),
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
            *([dg.AssetKey(keys.CLUSTERS), *keys.embedding_deps(settings)] if settings.clusters.names else []),
        ],
    )
    def retrieval_report(
        context: dg.AssetExecutionContext, store: Store, times: dg.ResourceParam[Times]
    ) -> dg.MaterializeResult[Any]:
        """One HTML file: what was found best and worst, where the ranking is unsure, and the tables.

        Where all but the times in it is as before it stays, with the times that it has.
        """
        catalogue, metrics, away = open_table(store, keys.RAW_IMAGES), open_metrics(store), set[str]()
        sections = _sections(store, settings, thumbnails(settings, catalogue, away))
        facts = facts_in_words(catalogue_counts(catalogue), metrics)
        read = functools.partial(read_views, store, settings)
        clusters = named_clusters(settings, open_table(store, keys.CLUSTERS), read)
        headline = provisional.said_of(settings) + in_words(metrics)

        def render(took: Mapping[str, Spent]) -> bytes:
            shown = Report(headline, facts, sections, _tables(catalogue, store, took, clusters))
            return render_report(shown).encode("utf-8", "replace")

        timeless = bytes_id(render({}))
        before = made_before(store, keys.REPORT)
        if before and before.manifest.notes.get(TIMELESS) == timeless:
            return keep_again(store, keys.REPORT, {})
        content = writing({layout.REPORT: render(times(context.instance))})
        return keep(store, keys.REPORT, content, facts=away_fact(away, of=catalogue.height), notes={TIMELESS: timeless})

    return retrieval_report


def _sections(store: Store, settings: Settings, show: Show) -> list[Section]:
    queries, shown = _queries(store, settings), settings.report.queries
    lists = {library: ranked_lists(open_table(store, keys.neighbors_key(library)), LISTED) for library in LIBRARIES}
    labels = dict(open_table(store, keys.GALLERY).select("name", "label").iter_rows())
    chosen = {title: choose(queries).head(shown) for title, choose in exhibits.BY_TITLE.items()}
    differing = exhibits.differing(queries, *lists.values()).head(shown)
    by_name = {NAMES[library]: found for library, found in lists.items()}
    return [
        *sections(chosen, lists[settings.submission.index], labels=labels, show=show),
        disagreements(differing, by_name, labels=labels, show=show),
    ]


def _queries(store: Store, settings: Settings) -> pl.DataFrame:
    """Give each test photo its margin, in words too, and its hidden label and AP@10 where they are known."""
    gallery, vectors = open_vectors(store, keys.GALLERY)
    photos, asked = open_vectors(store, keys.QUERIES)
    shown = with_margins(photos, class_margins(vectors, gallery["class_number"].to_numpy(), asked), open_recipe(store))
    scores = score_neighbours(store, settings.submission.index)
    return shown.join(scores, on="name", how="left", maintain_order="left")


def _tables(
    catalogue: pl.DataFrame, store: Store, took: Mapping[str, Spent], clusters: pl.DataFrame | None
) -> list[Table]:
    return tables(
        clusters=clusters,
        rankings=open_summary(store),
        steps=open_steps(store).drop("step"),
        classes=open_classes(store),
        copies=copies(catalogue),
        comparison=open_table(store, keys.COMPARISON),
        verdict=open_verdict(store),
        quarantine=quarantine(catalogue),
        took=took,
    )
