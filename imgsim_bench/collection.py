"""The embeddings in a state folder as a problem to benchmark on."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.assets.keeping import open_table
from imgsim_assets.assets.keys import LEARNING_SET, RAW_IMAGES, SOLUTION
from imgsim_assets.assets.learning.metric import open_head
from imgsim_assets.assets.learning.pool import read_descriptors, read_pool
from imgsim_assets.errors import InputError
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.folds import NotCrossValidated, deal_folds
from imgsim_assets.retrieval.glrt import Ints
from imgsim_assets.retrieval.label_codec import UNKNOWN, LabelCodec
from imgsim_assets.settings import Settings
from imgsim_bench.ranking import Problem

FOLDS = 5


@dataclass(frozen=True)
class Truth:
    """The class of every photo of the learning set, int64 [n], -1 for none, and which of them ask, bool [n]."""

    classes: Ints
    asks: npt.NDArray[np.bool_]


def read_truth(store: Store, photos: pl.DataFrame) -> Truth:
    """Read the labels that the photos of the learning set are judged by.

    Test photos with hidden labels ask; where there are none, a fifth of the labelled train photos does, near-duplicates
    never on both sides.

    Raises:
        ArtefactError: nothing is embedded yet.
        InputError: there are too few labels to judge by.
    """
    tests = open_table(store, RAW_IMAGES).filter(pl.col("split") == "test")
    hidden = tests.join(open_table(store, SOLUTION), on="name").select("content_id", hidden="label_right")
    labelled = photos.join(hidden.unique("content_id"), on="content_id", how="left", maintain_order="left").select(
        pl.when(pl.col("split") == "test").then(pl.col("hidden")).otherwise(pl.col("label")).alias("label")
    )
    classes = LabelCodec.of(labelled["label"]).encode(labelled["label"])
    asks = (photos["split"] == "test").to_numpy()
    if hidden.is_empty():
        folds = deal_folds(classes, photos["near_duplicate_group"].cast(pl.Int64).to_numpy(), FOLDS, 0)
        if isinstance(folds, NotCrossValidated):
            raise InputError("labels to judge by", folds.reason, "give solution.csv, or label more train photos")
        asks = asks | np.isin(np.arange(len(classes)), folds.asked(0))
    return Truth(classes, asks)


def open_problem(settings: Settings) -> Problem:
    """Read what `imgsim sync` has embedded, with the views that the chosen recipe joins.

    Raises:
        ArtefactError: nothing is embedded yet.
        InputError: there are too few labels to judge by.
    """
    store = Store(state=str(settings.places.state))
    recipe = open_head(store).recipe
    photos = open_table(store, LEARNING_SET)
    descriptors, pool = read_descriptors(store, settings, photos, recipe), read_pool(store, settings, recipe)
    truth = read_truth(store, photos)
    known = np.where(truth.asks, UNKNOWN, truth.classes)
    return Problem(descriptors, replace(pool, classes=known, is_train=~truth.asks), truth.classes)
