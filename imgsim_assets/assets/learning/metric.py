"""The group `learning`, second and fourth part: clusters, and the head that ranks by the chosen recipe."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.keeping import TABLE, keep, open_table
from imgsim_assets.assets.keys import CLUSTERS, LEARNING, LEARNING_SET, METRIC_HEAD, RANKING_CHOICE, fine_tuned_deps
from imgsim_assets.assets.learning.pool import DIFFUSED_FILE, open_labels, read_pool, read_views
from imgsim_assets.assets.learning.selection import open_recipe
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.descriptors import assemble_descriptors
from imgsim_assets.retrieval.diffusion import diffusion_coordinates
from imgsim_assets.retrieval.grouping import group_photos
from imgsim_assets.retrieval.head_training import learn_head
from imgsim_assets.retrieval.metric_file import load_head, save_head
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.retrieval.renewal import KNOWN_BY
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import read_table, write_table, writing

TRAINING_FILE = "training.parquet"


def open_head(store: Store) -> MetricHead:
    """Open what `metric_head` has learned."""
    return load_head(store.artefacts.open(METRIC_HEAD).path(layout.HEAD))


def open_training(store: Store) -> pl.DataFrame:
    """Open what the metric learned from: `split`, `content_id`, `label`, `class`, `class_number`.

    The class number of a photo that was left out is -1.
    """
    return read_table(store.artefacts.open(METRIC_HEAD).path(TRAINING_FILE))


def learning_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the assets of these parts."""
    return [_clusters(settings), _metric_head(settings)]


def _clusters(settings: Settings) -> dg.AssetsDefinition:
    chosen = settings.clusters

    @asset(
        settings,
        CLUSTERS,
        computed_by("clusters/4", clusters=chosen.model_dump(exclude={"confidence", "names"})),
        group=LEARNING,
        kinds={"scikitlearn", "parquet"},
        deps=[LEARNING_SET],
    )
    def clusters(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """Diffusion coordinates of the learning set over its neighbour graph, and clusters of those."""
        photos = open_table(store, LEARNING_SET)
        descriptors = assemble_descriptors(read_views(store, settings, photos))
        diffused = diffusion_coordinates(descriptors, chosen.seed)
        train = open_labels(store).encode(photos.filter(pl.col("split") == "train")["label"])
        found = group_photos(diffused, train, chosen)
        table = photos.select(KNOWN_BY).with_columns(
            pl.Series("cluster", found.numbers), pl.Series("membership", found.membership)
        )
        context.log.info(f"{found.count} clusters of {photos.height} photos")
        contents = writing({TABLE: table, DIFFUSED_FILE: diffused.astype(np.float32)})
        return keep(store, CLUSTERS, contents, facts={"clusters": found.count, "photos": photos.height})

    return clusters


def _metric_head(settings: Settings) -> dg.AssetsDefinition:
    @asset(
        settings,
        METRIC_HEAD,
        computed_by("metric_head/7", clusters={"confidence": settings.clusters.confidence}),
        group=LEARNING,
        kinds={"scikitlearn", "safetensors"},
        pool="gpu",
        deps=[LEARNING_SET, CLUSTERS, RANKING_CHOICE, *fine_tuned_deps(settings)],
    )
    def metric_head(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """What ranks: the chosen recipe with its GLRT metric and logistic classes, learned from labels and guesses."""
        recipe = open_recipe(store)
        photos, pool = open_table(store, LEARNING_SET), read_pool(store, settings, recipe)
        learned = learn_head(photos, pool, recipe, settings.clusters.confidence, open_labels(store))

        def write(folder: Path) -> None:
            save_head(learned.head, folder / layout.HEAD)
            write_table(folder / TRAINING_FILE, learned.training)

        context.log.info(", ".join(f"{name} {value}" for name, value in learned.facts.items()))
        return keep(store, METRIC_HEAD, write, facts=learned.facts)

    return metric_head
