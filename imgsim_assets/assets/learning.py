"""The group `learning`: clusters with their pseudo-labels, and the metric learned from labels and from those."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.embeddings import embedding_key, vector_folder, view_fingerprint
from imgsim_assets.assets.images import RAW_IMAGES, usable_photos
from imgsim_assets.assets.publishing import OWNERS, open_table, publish, publish_table
from imgsim_assets.errors import ArtefactError
from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.descriptors import assemble_descriptors
from imgsim_assets.retrieval.glrt import GlrtMetric
from imgsim_assets.retrieval.metric_file import load_metric, save_metric
from imgsim_assets.settings import Settings
from imgsim_assets.storage.content_table import read_vectors
from imgsim_assets.storage.formats import read_table, write_table
from imgsim_assets.vision.threads import set_threads

GROUP = "learning"
CLUSTERS = "clusters"
METRIC_HEAD = "metric_head"
METRIC_FILE = "metric.safetensors"
TRAINING_FILE = "training.parquet"


def embedding_deps(settings: Settings) -> list[dg.AssetKey]:
    """Name the embedding assets of all backbones."""
    return [dg.AssetKey.from_user_string(embedding_key(name)) for name in settings.backbones]


def read_descriptors(store: Store, settings: Settings) -> tuple[pl.DataFrame, npt.NDArray[np.float32]]:
    """Read the photos that every backbone has embedded, train and test, and their descriptors, row for row.

    Returns:
        The rows of `raw_images` in its order, and float32 [n, d] of norm 1.

    Raises:
        ArtefactError: no photo has a vector of every backbone.
    """
    photos = usable_photos(open_table(store, RAW_IMAGES))
    for name in settings.backbones:
        embedded = open_table(store, embedding_key(name))
        photos = photos.join(embedded, on="content_id", how="semi", maintain_order="left")
    if photos.is_empty():
        raise ArtefactError("photos with a vector of every backbone", "none", "see why the embeddings failed")
    vectors: dict[tuple[str, str], npt.NDArray[np.float32]] = {}
    for name, backbone in sorted(settings.backbones.items()):
        for view in backbone.views:
            table = store.stored_table(vector_folder(view_fingerprint(settings, backbone, view)))
            if table is None:
                raise ArtefactError(f"the vectors of {name}, view {view}", "none", "run `imgsim sync`")
            vectors[name, view] = read_vectors(table, photos["content_id"].to_list())
    return photos, assemble_descriptors(vectors)


def open_metric(store: Store) -> GlrtMetric:
    """Open the metric that `metric_head` published."""
    return load_metric(store.artefacts.open(METRIC_HEAD).path(METRIC_FILE))


def open_training(store: Store) -> pl.DataFrame:
    """Open what the metric learned from: `split`, `name`, `class`, `class_number` (-1: left out) of every photo."""
    return read_table(store.artefacts.open(METRIC_HEAD).path(TRAINING_FILE))


def learning_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the assets of this group."""
    return [_clusters(settings), _metric_head(settings)]


def _clusters(settings: Settings) -> dg.AssetsDefinition:
    chosen = settings.clusters

    @dg.asset(
        key=CLUSTERS,
        group_name=GROUP,
        kinds={"scikitlearn", "parquet"},
        owners=OWNERS,
        deps=[RAW_IMAGES, *embedding_deps(settings)],
        code_version=fingerprint("clusters/1", chosen.count, chosen.seed, sorted(settings.backbones)),
    )
    def clusters(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """k-means clusters of all photos, train and test, and a pseudo-label with its confidence for each."""
        from imgsim_assets.retrieval.clusters import cluster_count, find_clusters
        from imgsim_assets.retrieval.pseudo_labels import pseudo_labels

        set_threads(settings.runtime.threads)
        photos, descriptors = read_descriptors(store, settings)
        labels = photos["label"].to_list()
        train_labels = photos.filter(pl.col("split") == "train")["label"].to_list()
        count = cluster_count(descriptors, train_labels, chosen.seed) if chosen.count == "auto" else chosen.count
        found = find_clusters(descriptors, count, chosen.seed)
        guesses = pseudo_labels(found, labels)
        table = photos.select("split", "name", "content_id").with_columns(
            pl.Series("cluster", found.numbers),
            pl.Series("pseudo_label", guesses.labels),
            pl.Series("confidence", guesses.confidence),
        )
        context.log.info(f"{found.count} clusters of {photos.height} photos")
        return publish_table(store, CLUSTERS, table, facts={"clusters": found.count})

    return clusters


def _metric_head(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=METRIC_HEAD,
        group_name=GROUP,
        kinds={"scipy", "safetensors"},
        owners=OWNERS,
        pool="gpu",
        deps=[RAW_IMAGES, CLUSTERS, *embedding_deps(settings)],
        code_version=fingerprint(
            "metric_head/1", settings.head.shrinkage, settings.clusters.confidence, sorted(settings.backbones)
        ),
    )
    def metric_head(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """The GLRT metric: mean, projection and between-class spread, learned from labels and sure pseudo-labels."""
        from imgsim_assets.retrieval.learning_set import training_classes
        from imgsim_assets.retrieval.pseudo_labels import PseudoLabels
        from imgsim_assets.retrieval.shrinkage import fit_metric

        set_threads(settings.runtime.threads)
        photos, descriptors = read_descriptors(store, settings)
        guesses = photos.join(open_table(store, CLUSTERS), on=["split", "name"], how="left", maintain_order="left")
        learned = training_classes(
            photos["label"].to_list(),
            PseudoLabels(guesses["pseudo_label"].to_list(), guesses["confidence"].to_numpy()),
            (photos["split"] == "train").to_numpy(),
            settings.clusters.confidence,
        )
        taken = learned.classes >= 0
        metric = fit_metric(descriptors[taken], learned.classes[taken], settings.head.shrinkage)
        training = photos.select("split", "name").with_columns(pl.Series("class_number", learned.classes))
        names = pl.DataFrame({"class_number": range(len(learned.names)), "class": learned.names})
        training = training.join(names, on="class_number", how="left", maintain_order="left")

        def write(folder: Path) -> None:
            save_metric(metric, folder / METRIC_FILE)
            write_table(folder / TRAINING_FILE, training)

        facts = {
            "mode": learned.mode,
            "classes": len(learned.names),
            "photos_learned_from": int(taken.sum()),
            "dimension": int(metric.projection.shape[1]),
            "shrinkage": float(metric.shrinkage),
        }
        context.log.info(", ".join(f"{name} {value}" for name, value in facts.items()))
        return publish(store, METRIC_HEAD, write, facts=facts)

    return metric_head
