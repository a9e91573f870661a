"""The group `search`, third part: FAISS beside Annoy."""

from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets import keys
from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.keeping import TABLE, in_ui, keep, open_table, picture_in_ui
from imgsim_assets.assets.learning.metric import open_head
from imgsim_assets.assets.search.indices import INDEX_FILE, open_index
from imgsim_assets.assets.search.vectors import Vectors, open_vectors
from imgsim_assets.reporting import plots
from imgsim_assets.reporting.markdown import upright
from imgsim_assets.resources.measuring import log_files, tracked
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.ann.exact import ExactIndex
from imgsim_assets.retrieval.ann.protocol import LIBRARIES, LIST
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.comparison import Contender, as_metrics, compare_indices, contender, names_of, with_scores
from imgsim_assets.retrieval.scoring import ranked_names, score_ranked_names
from imgsim_assets.retrieval.verdict import verdict
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import writing


def comparison_asset(settings: Settings) -> dg.AssetsDefinition:
    """Build the asset of the comparison."""

    @asset(
        settings,
        keys.COMPARISON,
        computed_by("index_comparison/8"),
        group=keys.SEARCH,
        kinds={"faiss", "annoy", "mlflow"},
        deps=[
            keys.GALLERY,
            keys.QUERIES,
            keys.SOLUTION,
            keys.METRIC_HEAD,
            *(keys.index_key(one) for one in LIBRARIES),
            *(keys.neighbors_key(one) for one in LIBRARIES),
        ],
    )
    def index_comparison(
        context: dg.AssetExecutionContext, store: Store, tracking: dg.ResourceParam[Tracking]
    ) -> dg.MaterializeResult[Any]:
        """FAISS beside Annoy on these very vectors: recall against exact search, MAP@10 and its loss, speed, size.

        And what more or less effort of each buys, with a verdict in words.
        """
        gallery, vectors = open_vectors(store, keys.GALLERY)
        queries, asked = open_vectors(store, keys.QUERIES)
        contenders = [_contender(store, settings, library, asked) for library in LIBRARIES]
        table, curves = compare_indices(contenders, vectors, asked)
        names = names_of(contenders)
        # The ranking of every gallery photo, which no index has narrowed.
        ideal = search(ExactIndex(vectors), vectors, asked, LIST, reciprocal=open_head(store).recipe.reciprocal)
        ranked = ranked_names(queries["name"], gallery["name"], ideal)
        scored = score_ranked_names(ranked, open_table(store, keys.SOLUTION), gallery)
        table = with_scores(table, [score_neighbours(store, one) for one in table["library"]], scored)
        words = verdict(table, curves, names)
        context.log.info(words)
        drawing = plots.recall_against_speed(curves, names)
        files = {"recall_against_speed.png": drawing, "effort_curves.csv": curves.write_csv().encode()}
        with tracked(context, tracking, keys.COMPARISON) as run:
            run.log_metrics(as_metrics(table))
            log_files(run, {**files, layout.VERDICT: words.encode()}, keys.COMPARISON)
        contents = writing({TABLE: table, layout.CURVES: curves, layout.VERDICT: words.encode()})
        shown = {"verdict": words, "preview": in_ui(upright(table, "library")), "curves": in_ui(curves)}
        return keep(
            store, keys.COMPARISON, contents, metadata={**shown, "recall_against_speed": picture_in_ui(drawing)}
        )

    return index_comparison


def open_verdict(store: Store) -> str:
    """Open what the comparison says in words."""
    return store.artefacts.open(keys.COMPARISON).path(layout.VERDICT).read_text(encoding="utf-8")


def score_neighbours(store: Store, library: str) -> pl.DataFrame:
    """Score what a library found against the hidden labels; empty where none are given."""
    return score_ranked_names(
        open_table(store, keys.neighbors_key(library)),
        open_table(store, keys.SOLUTION),
        open_table(store, keys.GALLERY),
    )


def _contender(store: Store, settings: Settings, library: str, queries: Vectors) -> Contender:
    index, vectors = open_index(store, settings, library)
    artefact = store.artefacts.open(keys.index_key(library))
    file, built = artefact.path(INDEX_FILE), float(str(artefact.manifest.notes["build_seconds"]))
    return contender(library, index, file, vectors, queries, build_seconds=built)
