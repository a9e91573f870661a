"""What the groups `learning` and `search` read: photos with their vectors, and photos as learning sees them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.embeddings import recorded_fingerprints
from imgsim_assets.assets.keeping import open_table
from imgsim_assets.assets.keys import CLUSTERS, LEARNING_SET, RAW_IMAGES, embedding_key, fine_tuned_key
from imgsim_assets.assets.learning.class_scores import read_class_scores
from imgsim_assets.errors import ArtefactError
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.choice import Collection
from imgsim_assets.retrieval.clusters import Clusters
from imgsim_assets.retrieval.descriptors import assemble_descriptors
from imgsim_assets.retrieval.label_codec import UNKNOWN, LabelCodec
from imgsim_assets.retrieval.learning_set import Pool
from imgsim_assets.retrieval.principal import PrincipalAxes, principal_axes
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import read_array
from imgsim_assets.storage.vector_rows import read_vectors
from imgsim_assets.view_table import View
from imgsim_assets.vision.content_names import vector_folder
from imgsim_assets.vision.folder import SPLITS
from imgsim_assets.vision.rows import usable_photos

LABELS_FILE = "labels.json"
DIFFUSED_FILE = "diffused.npy"

Views = Mapping[str, Sequence[View]]
Vectors = dict[tuple[str, str], npt.NDArray[np.float32]]


def embedded_photos(store: Store, settings: Settings) -> pl.DataFrame:
    """Read the rows of `raw_images`, in its order, of the photos that every backbone has embedded.

    Raises:
        ArtefactError: there is none in train, or none in test.
    """
    photos = usable_photos(open_table(store, RAW_IMAGES))
    for name in settings.backbones:
        embedded = open_table(store, embedding_key(name))
        photos = photos.join(embedded, on="content_id", how="semi", maintain_order="left")
    if photos["split"].n_unique() < len(SPLITS):
        lacking = " and ".join(split for split in SPLITS if split not in set(photos["split"]))
        expected = "train and test photos with a vector of every backbone"
        raise ArtefactError(expected, f"none in {lacking}", "see why the embeddings failed")
    return photos


def read_views(store: Store, settings: Settings, photos: pl.DataFrame, views: Views | None = None) -> Vectors:
    """Read the vectors of `photos`, row for row: float32 [n, d] by backbone and view.

    Args:
        store: where they are.
        settings: which backbones and views there are.
        photos: have a `content_id`.
        views: of which backbone to read which; None: all.

    Raises:
        ArtefactError: there are none of a backbone and view.
    """
    vectors: Vectors = {}
    wanted = views or {name: backbone.views for name, backbone in settings.backbones.items()}
    for name, chosen in sorted(wanted.items()):
        recorded = recorded_fingerprints(store, name)
        for view in chosen:
            table = store.stored_table(vector_folder(recorded[view])) if view in recorded else None
            if table is None:
                raise ArtefactError(f"the vectors of {name}, view {view}", "none", "run `imgsim sync`")
            vectors[name, view] = read_vectors(table, photos["content_id"].to_list())
    return vectors


def read_descriptors(store: Store, settings: Settings, photos: pl.DataFrame, recipe: Recipe) -> npt.NDArray[np.float32]:
    """Read the descriptors of `photos` that `recipe` joins: float32 [n, d] of norm 1, row for row."""
    return assemble_descriptors(read_views(store, settings, photos, recipe.views), recipe.power)


def plain_descriptors(store: Store, settings: Settings, photos: pl.DataFrame) -> npt.NDArray[np.float32]:
    """Read what plain cosine compares, the first view of each backbone, as it is: float32 [n, d] of norm 1."""
    first = {name: backbone.views[:1] for name, backbone in settings.backbones.items()}
    return assemble_descriptors(read_views(store, settings, photos, first))


def read_pool(store: Store, settings: Settings, recipe: Recipe, axes: PrincipalAxes | None = None) -> Pool:
    """Read the learning set as learning sees it.

    Args:
        store: where it is.
        settings: which backbones there are.
        recipe: which views are joined, and how.
        axes: that the recipe's head was learned in; None: they are sought here.
    """
    photos = open_table(store, LEARNING_SET)
    descriptors = read_descriptors(store, settings, photos, recipe)
    axes = axes or principal_axes(descriptors, recipe.dimensions)
    diffused, clusters = read_clusters(store)
    labels = open_labels(store)
    return Pool(
        axes,
        axes.project(descriptors),
        diffused,
        clusters,
        labels.encode(photos["label"]),
        photos["near_duplicate_group"].cast(pl.Int64).to_numpy(),
        (photos["split"] == "train").to_numpy(),
        read_class_scores(store, map(fine_tuned_key, recipe.fine_tuned), photos["content_id"], labels.names),
    )


def read_collection(
    store: Store, settings: Settings, *, fine_tuned: Iterable[str] = (), asks: npt.NDArray[np.bool_] | None = None
) -> Collection:
    """Read the learning set as the choice of a recipe sees it.

    Args:
        store: where it is.
        settings: which backbones there are, and whether leaked photos are asked.
        fine_tuned: the backbones whose networks say something of classes.
        asks: bool [n], photos that are taken for test photos besides those; None: none.
    """
    photos, labels = open_table(store, LEARNING_SET), open_labels(store)
    diffused, clusters = read_clusters(store)
    is_train = (photos["split"] == "train").to_numpy()
    if asks is not None:
        is_train &= ~asks
    return Collection(
        vectors=read_views(store, settings, photos),
        diffused=diffused,
        clusters=clusters,
        classes=np.where(is_train, labels.encode(photos["label"]), UNKNOWN),
        groups=photos["near_duplicate_group"].cast(pl.Int64).to_numpy(),
        is_train=is_train,
        left_out=photos["leaked"].to_numpy() & (settings.evaluation.leaked == "leave_out"),
        class_scores=read_class_scores(store, map(fine_tuned_key, fine_tuned), photos["content_id"], labels.names),
    )


def open_labels(store: Store) -> LabelCodec:
    """Open the numbering of the learning set's labels, by which all that is learned names classes."""
    return LabelCodec.from_json(store.artefacts.open(LEARNING_SET).path(LABELS_FILE).read_bytes())


def read_clusters(store: Store) -> tuple[npt.NDArray[np.float64], Clusters]:
    """Read what `clusters` found for the learning set, row for row: diffusion coordinates [n, p] and the clusters."""
    found = open_table(store, CLUSTERS)
    numbers = found["cluster"].to_numpy().astype(np.int64)
    diffused = np.asarray(read_array(store.artefacts.open(CLUSTERS).path(DIFFUSED_FILE)), dtype=np.float64)
    return diffused, Clusters(numbers, found["membership"].to_numpy(), int(numbers.max()) + 1)
