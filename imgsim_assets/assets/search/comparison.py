"""The group `search`, third part: FAISS beside Annoy."""

import tempfile
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import asset, computed_by
from imgsim_assets.assets.keys import (
    COMPARISON,
    GALLERY,
    METRIC_HEAD,
    QUERIES,
    SEARCH,
    SOLUTION,
    index_key,
    neighbors_key,
)
from imgsim_assets.assets.learning.metric import open_head
from imgsim_assets.assets.publishing import TABLE, markdown_picture, markdown_table, open_table, publish, shown_number
from imgsim_assets.assets.search.indices import INDEX_FILE, NAMES, open_index
from imgsim_assets.assets.search.vectors import Vectors, open_vectors
from imgsim_assets.reporting import plots
from imgsim_assets.resources.measuring import tracked
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.ann.exact import ExactIndex
from imgsim_assets.retrieval.ann.growth import seconds_to_add
from imgsim_assets.retrieval.ann.protocol import LIBRARIES, LIST
from imgsim_assets.retrieval.ann.resident import resident_bytes
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.comparison import Contender, compare_indices
from imgsim_assets.retrieval.scoring import ranked_names, score_ranked_names
from imgsim_assets.retrieval.verdict import verdict
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import write_table

QUERIES_ASKED = 1000  # to see how much of an index comes into memory


def comparison_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the asset of this part."""
    return [_comparison(settings)]


def _comparison(settings: Settings) -> dg.AssetsDefinition:
    @asset(
        settings,
        COMPARISON,
        computed_by("index_comparison/7"),
        group=SEARCH,
        kinds={"faiss", "annoy", "mlflow"},
        deps=[
            GALLERY,
            QUERIES,
            SOLUTION,
            METRIC_HEAD,
            *(index_key(one) for one in LIBRARIES),
            *(neighbors_key(one) for one in LIBRARIES),
        ],
    )
    def index_comparison(
        context: dg.AssetExecutionContext, store: Store, tracking: dg.ResourceParam[Tracking]
    ) -> dg.MaterializeResult[Any]:
        """FAISS beside Annoy on these very vectors: recall against exact search, MAP@10 and its loss, speed, size.

        And what more or less effort of each buys, with a verdict in words.
        """
        _, query_vectors = open_vectors(store, QUERIES)
        contenders = [_contender(store, settings, library, query_vectors) for library in LIBRARIES]
        _, vectors = open_vectors(store, GALLERY)
        table, curves = compare_indices(contenders, vectors, query_vectors)
        served = [_mean_or_none(score_neighbours(store, one)) for one in table["library"]]
        ideal = _mean_or_none(_score_every_photo(store))
        lost = [None if mean is None or ideal is None else ideal - mean for mean in served]
        table = table.with_columns(
            pl.Series("map_at_10", served, dtype=pl.Float64), pl.Series("map_at_10_lost", lost, dtype=pl.Float64)
        )
        words = verdict(table, curves, NAMES)
        context.log.info(words)
        drawing = plots.recall_against_speed(curves, NAMES)
        with (
            tracked(context, tracking, COMPARISON) as run,
            tempfile.TemporaryDirectory() as folder,
        ):
            run.log_metrics(_as_metrics(table))
            (Path(folder) / "recall_against_speed.png").write_bytes(drawing)
            curves.write_csv(Path(folder) / "effort_curves.csv")
            (Path(folder) / layout.VERDICT).write_text(words, encoding="utf-8")
            for file in sorted(Path(folder).iterdir()):
                run.log_file(file, COMPARISON)

        def write(folder: Path) -> None:
            write_table(folder / TABLE, table)
            write_table(folder / layout.CURVES, curves)
            (folder / layout.VERDICT).write_text(words, encoding="utf-8")

        shown = {"verdict": words, "preview": markdown_table(_upright(table)), "curves": markdown_table(curves)}
        return publish(store, COMPARISON, write, metadata={**shown, "recall_against_speed": markdown_picture(drawing)})

    return index_comparison


def _contender(store: Store, settings: Settings, library: str, queries: Vectors) -> Contender:
    index, vectors = open_index(store, settings, library)
    artefact = store.artefacts.open(index_key(library))
    path, built = artefact.path(INDEX_FILE), float(str(artefact.manifest.notes["build_seconds"]))
    return Contender(
        library,
        index,
        build_seconds=built,
        add_seconds=seconds_to_add(path, vectors) if library == "faiss" else built,
        stored_bytes=artefact.manifest.files[INDEX_FILE].bytes,
        resident_bytes=resident_bytes(index.kind, path, index.effort, evenly(queries, QUERIES_ASKED)),
    )


def open_verdict(store: Store) -> str:
    """Open what the comparison says in words."""
    return store.artefacts.open(COMPARISON).path(layout.VERDICT).read_text(encoding="utf-8")


def score_neighbours(store: Store, library: str) -> pl.DataFrame:
    """Score what a library found against the hidden labels; empty where none are given."""
    return score_ranked_names(
        open_table(store, neighbors_key(library)), open_table(store, SOLUTION), open_table(store, GALLERY)
    )


def _score_every_photo(store: Store) -> pl.DataFrame:
    """Score the ranking of every gallery photo, which no index has narrowed, against the hidden labels."""
    gallery, vectors = open_vectors(store, GALLERY)
    queries, asked = open_vectors(store, QUERIES)
    ideal = search(ExactIndex(vectors), vectors, asked, LIST, reciprocal=open_head(store).recipe.reciprocal)
    return score_ranked_names(
        ranked_names(queries["name"], gallery["name"], ideal), open_table(store, SOLUTION), gallery
    )


def _mean_or_none(scores: pl.DataFrame) -> float | None:
    mean = scores["average_precision"].mean()
    return mean if isinstance(mean, float) else None


def _as_metrics(table: pl.DataFrame) -> dict[str, float]:
    return {
        f"{row['library']}_{name}": float(value)
        for row in table.iter_rows(named=True)
        for name, value in row.items()
        if name != "library" and value is not None
    }


def _upright(table: pl.DataFrame) -> pl.DataFrame:
    values = table.drop("library").select(pl.all().map_elements(shown_number, return_dtype=pl.String, skip_nulls=False))
    return values.transpose(include_header=True, header_name="measure", column_names=table["library"].to_list())
