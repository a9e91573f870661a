"""How sure a ranking is of its first class: by how much, in the unit of its scores, that class leads."""

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.retrieval.recipe import Recipe

BLOCK_VALUES = 16_000_000


def class_margins(
    gallery: npt.NDArray[np.float32], classes: npt.NDArray[np.int64], queries: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Measure by how much the best class of each query leads the second.

    Args:
        gallery: float32 [n, d], n >= 1.
        classes: int64 [n]; -1 for a photo of unknown class, which stands for itself.
        queries: float32 [q, d]; an inner product with the gallery is a score.

    Returns:
        float64 [q], in the unit of the scores, at least 0; infinite where the gallery holds one class only.
    """
    numbers = np.where(classes >= 0, classes, classes.max(initial=0) + 1 + np.arange(len(classes)))
    order = np.argsort(numbers, kind="stable")
    starts = np.unique(numbers[order], return_index=True)[1]
    if len(starts) == 1:
        return np.full(len(queries), np.inf)
    ordered = np.asarray(gallery[order], dtype=np.float32)
    margins = np.empty(len(queries))
    rows = max(1, BLOCK_VALUES // len(gallery))
    for start in range(0, len(queries), rows):
        best = np.maximum.reduceat(queries[start : start + rows] @ ordered.T, starts, axis=1)
        second, first = np.partition(best, -2, axis=1)[:, -2:].T
        margins[start : start + rows] = first.astype(np.float64) - second
    return margins


def margin_in_words(margin: float, recipe: Recipe) -> str:
    """Say a margin with its unit: what the recipe scores by."""
    if np.isinf(margin):
        return "none: one class"
    return f"{margin:.2f} {_unit(recipe)}"


def _unit(recipe: Recipe) -> str:
    if recipe.expansion:
        return "of score"  # sums of several photos' vectors
    if recipe.evidence != "likeness":
        return "of probability"
    return "nats" if recipe.likeness == "pair" else "of cosine"


def with_margins(photos: pl.DataFrame, margins: npt.NDArray[np.float64], recipe: Recipe) -> pl.DataFrame:
    """Add to photos their `margin`, and `margin_words`: the same with its unit."""
    words = [margin_in_words(margin, recipe) for margin in margins.tolist()]
    return photos.with_columns(pl.Series("margin", margins), pl.Series("margin_words", words, dtype=pl.String))
