"""The group `learning`: clusters with their pseudo-labels, and the metric learned from labels and from those."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.embeddings import embedding_key, vector_folder, view_fingerprint
from imgsim_assets.assets.images import RAW_IMAGES, usable_photos
from imgsim_assets.assets.publishing import OWNERS, TABLE, open_table, publish
from imgsim_assets.errors import ArtefactError
from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.average_precision import encode_labels
from imgsim_assets.retrieval.clusters import Clusters, cluster_count, find_clusters
from imgsim_assets.retrieval.descriptors import assemble_descriptors
from imgsim_assets.retrieval.diffusion import diffusion_coordinates
from imgsim_assets.retrieval.learning_set import Pool, guess_classes, learn, learning_mode, training_classes
from imgsim_assets.retrieval.metric_file import load_head, save_head
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.retrieval.principal import principal_axes
from imgsim_assets.settings import Settings
from imgsim_assets.storage.content_table import read_vectors
from imgsim_assets.storage.formats import read_array, read_table, write_array, write_table
from imgsim_assets.vision.threads import set_threads

GROUP = "learning"
CLUSTERS = "clusters"
METRIC_HEAD = "metric_head"
METRIC_FILE = "metric.safetensors"
TRAINING_FILE = "training.parquet"
DIFFUSED_FILE = "diffused.npy"


def embedding_deps(settings: Settings) -> list[dg.AssetKey]:
    """Name the embedding assets of all backbones."""
    return [dg.AssetKey.from_user_string(embedding_key(name)) for name in settings.backbones]


def read_descriptors(
    store: Store, settings: Settings, power: float = 1.0, *, first_view_only: bool = False
) -> tuple[pl.DataFrame, npt.NDArray[np.float32]]:
    """Read the photos that every backbone has embedded, train and test, and their descriptors, row for row.

    Args:
        store: where they are.
        settings: which backbones and views.
        power: of each value, see `assemble_descriptors`.
        first_view_only: one view of each backbone; with power 1 that is what plain cosine compares.

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
        for view in backbone.views[:1] if first_view_only else backbone.views:
            table = store.stored_table(vector_folder(view_fingerprint(settings, backbone, view)))
            if table is None:
                raise ArtefactError(f"the vectors of {name}, view {view}", "none", "run `imgsim sync`")
            vectors[name, view] = read_vectors(table, photos["content_id"].to_list())
    return photos, assemble_descriptors(vectors, power)


def open_head(store: Store) -> MetricHead:
    """Open what `metric_head` published."""
    return load_head(store.artefacts.open(METRIC_HEAD).path(METRIC_FILE))


def read_pool(store: Store, settings: Settings) -> tuple[pl.DataFrame, Pool, list[str]]:
    """Read all photos as learning sees them, and the names of the labelled classes by number.

    Clusters are those that `clusters` published.
    """
    photos, descriptors = read_descriptors(store, settings, settings.head.power)
    names = sorted(set(photos["label"].drop_nulls()))
    (classes,) = encode_labels(photos["label"].to_list())
    grouped = photos.join(open_table(store, CLUSTERS), on=["split", "name"], how="left", maintain_order="left")
    numbers = grouped["cluster"].to_numpy().astype(np.int64)
    axes = principal_axes(descriptors, settings.head.dimensions)
    pool = Pool(
        axes=axes,
        coordinates=axes.project(descriptors),
        diffused=np.asarray(read_array(store.artefacts.open(CLUSTERS).path(DIFFUSED_FILE)), dtype=np.float64),
        clusters=Clusters(numbers, grouped["membership"].to_numpy(), int(numbers.max()) + 1),
        classes=classes,
        is_train=(photos["split"] == "train").to_numpy(),
    )
    return photos, pool, names


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
        code_version=fingerprint("clusters/2", chosen.count, chosen.seed, sorted(settings.backbones)),
    )
    def clusters(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """Diffusion coordinates of all photos, train and test, over their neighbour graph, and k-means over those."""
        set_threads(settings.runtime.threads)
        photos, descriptors = read_descriptors(store, settings)
        diffused = diffusion_coordinates(descriptors, chosen.seed)
        (train,) = encode_labels(photos.filter(pl.col("split") == "train")["label"].to_list())
        count = cluster_count(diffused, train, chosen.seed) if chosen.count == "auto" else chosen.count
        found = find_clusters(diffused, count, chosen.seed)
        table = photos.select("split", "name", "content_id").with_columns(
            pl.Series("cluster", found.numbers), pl.Series("membership", found.membership)
        )
        context.log.info(f"{found.count} clusters of {photos.height} photos")

        def write(folder: Path) -> None:
            write_table(folder / TABLE, table)
            write_array(folder / DIFFUSED_FILE, diffused.astype(np.float32))

        return publish(store, CLUSTERS, write, facts={"clusters": found.count, "photos": photos.height})

    return clusters


def _metric_head(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=METRIC_HEAD,
        group_name=GROUP,
        kinds={"scikitlearn", "safetensors"},
        owners=OWNERS,
        pool="gpu",
        deps=[RAW_IMAGES, CLUSTERS, *embedding_deps(settings)],
        code_version=fingerprint(
            "metric_head/3",
            settings.head.model_dump(mode="json", exclude={"pair_weight"}),
            settings.clusters.confidence,
            sorted(settings.backbones),
        ),
    )
    def metric_head(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """GLRT metric and logistic classes with their calibration, learned from labels and from sure pseudo-labels."""
        set_threads(settings.runtime.threads)
        photos, pool, names = read_pool(store, settings)
        guessed = guess_classes(pool)
        learned = training_classes(pool.classes, guessed, pool.is_train, settings.clusters.confidence)
        head = learn(pool, learned, settings.head)
        training = photos.select("split", "name").with_columns(
            pl.Series("class_number", learned),
            pl.Series("class", _class_names(learned, names)),
            pl.Series("pseudo_label", _class_names(guessed.classes, names)),
            pl.Series("confidence", guessed.confidence),
        )

        def write(folder: Path) -> None:
            save_head(head, folder / METRIC_FILE)
            write_table(folder / TRAINING_FILE, training)

        facts = {
            "mode": learning_mode(pool.classes[pool.is_train]),
            "classes": len(head.classes),
            "photos_learned_from": int((learned >= 0).sum()),
            "dimension": int(head.metric.projection.shape[1]),
            "shrinkage": float(head.metric.shrinkage),
        }
        context.log.info(", ".join(f"{name} {value}" for name, value in facts.items()))
        return publish(store, METRIC_HEAD, write, facts=facts)

    return metric_head


def _class_names(classes: npt.NDArray[np.int64], names: list[str]) -> list[str | None]:
    """Spell class numbers out: a label, `cluster_0017` for a cluster without label, None for -1."""
    known = len(names)

    def name(number: int) -> str | None:
        if number < 0:
            return None
        return names[number] if number < known else _nameless(number - known, names)

    return [name(number) for number in classes.tolist()]


def _nameless(cluster: int, taken: list[str]) -> str:
    name = f"cluster_{cluster:04d}"
    while name in taken:
        name = f"_{name}"
    return name
