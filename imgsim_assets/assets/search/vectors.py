"""The group `search`, first part: photos as vectors in the metric's space, served by inner product."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.keeping import TABLE, keep
from imgsim_assets.assets.keys import (
    GALLERY,
    METRIC_HEAD,
    QUERIES,
    RAW_IMAGES,
    SEARCH,
    class_scores_deps,
    class_scores_key,
    embedding_deps,
)
from imgsim_assets.assets.learning.class_scores import read_class_scores
from imgsim_assets.assets.learning.metric import open_head, open_training
from imgsim_assets.assets.learning.pool import embedded_photos, read_descriptors
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval import ranking
from imgsim_assets.retrieval.ann.rows import evenly
from imgsim_assets.retrieval.head_training import with_classes
from imgsim_assets.retrieval.label_codec import UNKNOWN, LabelCodec
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.submission import centrality
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import read_array, read_table, writing
from imgsim_assets.storage.versioned_folder import JSON

VECTORS_FILE = "vectors.npy"
PROBES_FILE = "probes.npy"
PROBES = 4000

Vectors = npt.NDArray[np.float32]


def open_vectors(store: Store, key: str, version: str | None = None) -> tuple[pl.DataFrame, Vectors]:
    """Open the photos and the memory-mapped vectors, row for row, of `gallery_vectors` or `query_vectors`.

    Raises:
        ArtefactError: they, or the version that is asked for, are missing or damaged.
    """
    artefact = store.artefacts.open(key, version)
    return read_table(artefact.path(TABLE)), read_array(artefact.path(VECTORS_FILE))


def open_probes(store: Store) -> Vectors:
    """Open what train photos, 4,000 at most, would ask: an index is set by them, before test photos come."""
    return np.asarray(read_array(store.artefacts.open(GALLERY).path(PROBES_FILE)))


def vector_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the assets of this part."""
    return [_gallery_vectors(settings), _query_vectors(settings)]


def _gallery_vectors(settings: Settings) -> dg.AssetsDefinition:
    @asset(
        settings,
        GALLERY,
        computed_by("gallery_vectors/6", backbones=sorted(settings.backbones)),
        group=SEARCH,
        kinds={"numpy"},
        deps=[RAW_IMAGES, METRIC_HEAD, *embedding_deps(settings), *class_scores_deps(settings)],
    )
    def gallery_vectors(store: Store) -> dg.MaterializeResult[Any]:
        """Train photos as vectors whose inner product with a query is the probability that both show one class."""
        head = open_head(store)
        photos = embedded_photos(store, settings).filter(pl.col("split") == "train")
        descriptors = read_descriptors(store, settings, photos, head.recipe)
        table = with_classes(photos, open_training(store))
        labels = np.where(table["label"].is_not_null(), table["class_number"], UNKNOWN)
        coordinates = head.axes.project(descriptors)
        scores = _class_scores(store, head.recipe, photos)
        vectors = ranking.gallery_vectors(head, coordinates, labels, scores)
        asked = evenly(np.arange(len(coordinates)), PROBES)
        probes = ranking.query_vectors(head, coordinates[asked], vectors, None if scores is None else scores[asked])
        table = table.with_columns(pl.Series("centrality", centrality(descriptors)))
        return _keep_vectors(store, GALLERY, table, {VECTORS_FILE: vectors, PROBES_FILE: probes})

    return gallery_vectors


def _class_scores(store: Store, recipe: Recipe, photos: pl.DataFrame) -> npt.NDArray[np.float64] | None:
    labels = LabelCodec.of(open_training(store)["label"]).names
    return read_class_scores(store, map(class_scores_key, recipe.fine_tuned), photos["content_id"], labels)


def _query_vectors(settings: Settings) -> dg.AssetsDefinition:
    @asset(
        settings,
        QUERIES,
        computed_by("query_vectors/5", backbones=sorted(settings.backbones)),
        group=SEARCH,
        kinds={"numpy"},
        deps=[
            RAW_IMAGES,
            METRIC_HEAD,
            GALLERY,
            *embedding_deps(settings),
            *class_scores_deps(settings),
        ],
    )
    def query_vectors(store: Store) -> dg.MaterializeResult[Any]:
        """Test photos as queries for the gallery's vectors."""
        head = open_head(store)
        photos = embedded_photos(store, settings).filter(pl.col("split") == "test")
        descriptors = read_descriptors(store, settings, photos, head.recipe)
        _, gallery = open_vectors(store, GALLERY)
        scores = _class_scores(store, head.recipe, photos)
        vectors = ranking.query_vectors(head, head.axes.project(descriptors), gallery, scores)
        return _keep_vectors(store, QUERIES, photos.select("name", "content_id"), {VECTORS_FILE: vectors})

    return query_vectors


def _keep_vectors(
    store: Store, key: str, photos: pl.DataFrame, arrays: Mapping[str, Vectors]
) -> dg.MaterializeResult[Any]:
    count, dimension = arrays[VECTORS_FILE].shape
    facts: dict[str, JSON] = {"count": count, "dimension": dimension, "dtype": "float32"}
    return keep(store, key, writing({TABLE: photos, **arrays}), facts=facts)
