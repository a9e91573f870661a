"""The embeddings in a state folder as a problem to benchmark on."""

from dataclasses import replace

import numpy as np
import polars as pl

from imgsim_assets.assets.images import RAW_IMAGES, SOLUTION
from imgsim_assets.assets.learning import open_head
from imgsim_assets.assets.pool import LEARNING_SET, read_descriptors, read_pool
from imgsim_assets.assets.publishing import open_table
from imgsim_assets.benchmarks.ranking import Problem
from imgsim_assets.errors import InputError
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.average_precision import encode_labels
from imgsim_assets.retrieval.class_sets import UNKNOWN
from imgsim_assets.retrieval.cross_validation import NotCrossValidated, deal_folds
from imgsim_assets.settings import Settings

FOLDS = 5


def open_problem(settings: Settings) -> Problem:
    """Read what `imgsim sync` has embedded, with the views that the chosen recipe joins.

    Test photos with hidden labels ask; where there are none, a fifth of the labelled train photos does, near-duplicates
    never on both sides.

    Raises:
        ArtefactError: nothing is embedded yet.
        InputError: there are too few labels to judge by.
    """
    store = Store(state=str(settings.places.state))
    recipe = open_head(store).recipe
    photos = open_table(store, LEARNING_SET)
    descriptors, pool = read_descriptors(store, settings, photos, recipe), read_pool(store, settings, recipe)
    tests = open_table(store, RAW_IMAGES).filter(pl.col("split") == "test")
    hidden = tests.join(open_table(store, SOLUTION), on="name").select("content_id", hidden="label_right")
    labelled = photos.join(hidden.unique("content_id"), on="content_id", how="left", maintain_order="left").select(
        pl.when(pl.col("split") == "test").then(pl.col("hidden")).otherwise(pl.col("label")).alias("label")
    )
    (truth,) = encode_labels(labelled["label"].to_list())
    asks = ~pool.is_train
    if hidden.is_empty():
        groups = photos["near_duplicate_group"].cast(pl.Int64).to_numpy()
        folds = deal_folds(truth, groups, FOLDS, 0)
        if isinstance(folds, NotCrossValidated):
            raise InputError("labels to judge by", folds.reason, "give solution.csv, or label more train photos")
        asks = asks | np.isin(np.arange(len(truth)), folds.asked(0))
    return Problem(descriptors, replace(pool, classes=np.where(asks, UNKNOWN, truth), is_train=~asks), truth)
