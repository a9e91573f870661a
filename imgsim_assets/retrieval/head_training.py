"""The head of the chosen recipe, learned from the whole learning set, and what it learned each photo as."""

from dataclasses import dataclass

import polars as pl

from imgsim_assets.retrieval.label_codec import UNKNOWN, LabelCodec
from imgsim_assets.retrieval.learning_set import Pool, guess_classes, learned_classes, learning_mode
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.renewal import KNOWN_BY
from imgsim_assets.retrieval.tuning import fit_head


@dataclass(frozen=True)
class Learned:
    """The head; as what each photo was learned and guessed; and figures for people.

    `training` has the columns `KNOWN_BY`, `class_number` (-1: left out), `class`, `pseudo_label` and `confidence`.
    """

    head: MetricHead
    training: pl.DataFrame
    facts: dict[str, str | int | float]


def learn_head(photos: pl.DataFrame, pool: Pool, recipe: Recipe, confidence: float, labels: LabelCodec) -> Learned:
    """Learn from labels, and from guesses of the others.

    Args:
        photos: the learning set, with the columns `KNOWN_BY`.
        pool: the same photos, row for row.
        recipe: how photos are ranked.
        confidence: guesses below it are not learned from, 0..1.
        labels: the numbering of the classes.
    """
    guessed = guess_classes(pool)
    learned = learned_classes(pool, recipe, confidence)
    head = fit_head(pool.axes, pool.learned_as(learned), recipe)
    training = photos.select(KNOWN_BY).with_columns(
        pl.Series("class_number", learned),
        pl.Series("class", labels.decode(learned)),
        pl.Series("pseudo_label", labels.decode(guessed.classes)),
        pl.Series("confidence", guessed.confidence),
    )
    facts: dict[str, str | int | float] = {
        "mode": learning_mode(pool.classes[pool.is_train]),
        "classes": len(head.classes),
        "photos_learned_from": int((learned != UNKNOWN).sum()),
        "dimension": int(head.metric.projection.shape[1]),
        "shrinkage": float(head.metric.shrinkage),
    }
    return Learned(head, training, facts)


def with_classes(photos: pl.DataFrame, training: pl.DataFrame) -> pl.DataFrame:
    """Give photos the class that they were learned as; one that came later has the class of its label, or none (-1).

    Args:
        photos: `split`, `name`, `content_id`, `label`.
        training: `split`, `content_id`, `label`, `class`, `class_number` of what was learned from, or left out (-1).

    Returns:
        `name`, `content_id`, `label`, `class` (null: none), `class_number`, in the order of `photos`.
    """
    learned = photos.join(training, on=KNOWN_BY, how="left", nulls_equal=True, maintain_order="left")
    numbers = training.select("label", of_label="class_number").drop_nulls().unique("label")
    return learned.join(numbers, on="label", how="left", maintain_order="left").select(
        "name",
        "content_id",
        "label",
        pl.coalesce("class", "label").alias("class"),
        pl.coalesce("class_number", "of_label", pl.lit(UNKNOWN)).alias("class_number"),
    )
