"""The group `learning`, last part: how well what is learned ranks photos that it has not seen."""

from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.keeping import keep_table, open_table
from imgsim_assets.assets.keys import CLUSTERS, CROSS_VALIDATION, LEARNING, LEARNING_SET, METRIC_HEAD, fine_tuned_deps
from imgsim_assets.assets.learning.metric import open_head
from imgsim_assets.assets.learning.pool import plain_descriptors, read_pool
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.evaluation import score_by_cross_validation
from imgsim_assets.settings import Settings


def open_validated(store: Store) -> pl.DataFrame:
    """Open what the gate compares: `photo` (content id), `label`, `average_precision` of each photo with an answer."""
    answered = open_table(store, CROSS_VALIDATION).drop_nulls("average_precision")
    return answered.select("photo", "label", "average_precision")


def validation_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the asset of this part."""

    @asset(
        settings,
        CROSS_VALIDATION,
        computed_by(
            "cross_validation/2",
            evaluation=settings.evaluation.model_dump(exclude={"bootstrap"}),
            clusters={"confidence": settings.clusters.confidence},
        ),
        group=LEARNING,
        kinds={"scikitlearn", "parquet"},
        deps=[LEARNING_SET, CLUSTERS, METRIC_HEAD, *fine_tuned_deps(settings)],
    )
    def cross_validation(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """AP@10 of labelled train photos whose labels were hidden while the chosen recipe was learned anew."""
        photos, head = open_table(store, LEARNING_SET), open_head(store)
        validated, why_not = score_by_cross_validation(
            photos,
            read_pool(store, settings, head.recipe, head.axes),
            plain_descriptors(store, settings, photos),
            recipe=head.recipe,
            confidence=settings.clusters.confidence,
            evaluation=settings.evaluation,
        )
        if why_not:
            context.log.info(f"not cross-validated: {why_not}")
        return keep_table(store, CROSS_VALIDATION, validated)

    return [cross_validation]
