"""What the group `learning` reads: photos with their vectors, and all of them as learning sees them."""

from collections.abc import Mapping, Sequence

import dagster as dg
import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.embeddings import embedding_key, vector_folder, view_fingerprint
from imgsim_assets.assets.images import RAW_IMAGES, usable_photos
from imgsim_assets.assets.publishing import open_table
from imgsim_assets.errors import ArtefactError
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.average_precision import encode_labels
from imgsim_assets.retrieval.clusters import Clusters
from imgsim_assets.retrieval.descriptors import assemble_descriptors
from imgsim_assets.retrieval.learning_set import Pool
from imgsim_assets.retrieval.principal import principal_axes
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.settings import Settings, View
from imgsim_assets.storage.content_table import read_vectors
from imgsim_assets.storage.formats import read_array

CLUSTERS = "clusters"
DIFFUSED_FILE = "diffused.npy"


def embedding_deps(settings: Settings) -> list[dg.AssetKey]:
    """Name the embedding assets of all backbones."""
    return [dg.AssetKey.from_user_string(embedding_key(name)) for name in settings.backbones]


def read_embeddings(
    store: Store, settings: Settings, views: Mapping[str, Sequence[View]] | None = None
) -> tuple[pl.DataFrame, dict[tuple[str, str], npt.NDArray[np.float32]]]:
    """Read the photos that every backbone has embedded, train and test, and their vectors, row for row.

    Args:
        store: where they are.
        settings: which backbones and views there are.
        views: of which backbone to read which; None: all.

    Returns:
        The rows of `raw_images` in its order, and float32 [n, d] by backbone and view.

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
    wanted = views or {name: backbone.views for name, backbone in settings.backbones.items()}
    for name, chosen in sorted(wanted.items()):
        backbone = settings.backbones[name]
        for view in chosen:
            table = store.stored_table(vector_folder(view_fingerprint(settings, backbone, view)))
            if table is None:
                raise ArtefactError(f"the vectors of {name}, view {view}", "none", "run `imgsim sync`")
            vectors[name, view] = read_vectors(table, photos["content_id"].to_list())
    return photos, vectors


def read_descriptors(store: Store, settings: Settings, recipe: Recipe) -> tuple[pl.DataFrame, npt.NDArray[np.float32]]:
    """Read the photos and the descriptors that `recipe` joins: float32 [n, d] of norm 1, row for row."""
    photos, vectors = read_embeddings(store, settings, recipe.views)
    return photos, assemble_descriptors(vectors, recipe.power)


def read_pool(store: Store, settings: Settings, recipe: Recipe) -> tuple[pl.DataFrame, Pool, list[str]]:
    """Read all photos as learning sees them, and the names of the labelled classes by number."""
    photos, descriptors = read_descriptors(store, settings, recipe)
    (classes,) = encode_labels(photos["label"].to_list())
    axes = principal_axes(descriptors, recipe.dimensions)
    diffused, clusters = read_clusters(store, photos)
    is_train = (photos["split"] == "train").to_numpy()
    pool = Pool(axes, axes.project(descriptors), diffused, clusters, classes, is_train)
    return photos, pool, sorted(set(photos["label"].drop_nulls()))


def read_clusters(store: Store, photos: pl.DataFrame) -> tuple[npt.NDArray[np.float64], Clusters]:
    """Read what `clusters` published for `photos`, row for row: diffusion coordinates [n, p] and the clusters."""
    grouped = photos.join(open_table(store, CLUSTERS), on=["split", "name"], how="left", maintain_order="left")
    numbers = grouped["cluster"].to_numpy().astype(np.int64)
    diffused = np.asarray(read_array(store.artefacts.open(CLUSTERS).path(DIFFUSED_FILE)), dtype=np.float64)
    return diffused, Clusters(numbers, grouped["membership"].to_numpy(), int(numbers.max()) + 1)
