"""Metric heads, recipes and pools learned from drawn photos."""

import numpy as np

from imgsim_assets.retrieval.clusters import find_clusters
from imgsim_assets.retrieval.diffusion import diffusion_coordinates
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.learning_set import Pool
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.retrieval.principal import principal_axes
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.tuning import fit_head


def draw_recipe(**chosen) -> Recipe:
    """Give the recipe of both experts fused, changed as asked for."""
    standing = {
        "views": {"tiny": ("rgb",)},
        "dimensions": 1024,
        "shrinkage": "auto",
        "pair_weight": 0.01,
        "evidence": "fused",
        "likeness": "metric",
    }
    return Recipe.model_validate(standing | chosen)


def draw_head(vectors, classes, **chosen) -> tuple[MetricHead, np.ndarray]:
    """Learn a head from vectors [n, d] and classes; give it and the photos' coordinates."""
    axes = principal_axes(vectors, 1024)
    coordinates = axes.project(vectors)
    return fit_head(axes, Examples.apart(coordinates, np.asarray(classes)), draw_recipe(**chosen)), coordinates


def draw_pool(vectors, classes, is_train=None, clusters=8) -> Pool:
    """Put vectors [n, d] with classes (-1: none) together as learning sees them."""
    axes = principal_axes(vectors, 1024)
    diffused = diffusion_coordinates(vectors)
    train = np.ones(len(vectors), dtype=bool) if is_train is None else is_train
    found = find_clusters(diffused, clusters, 0)
    return Pool(axes, axes.project(vectors), diffused, found, np.asarray(classes), np.arange(len(vectors)), train)


def draw_scores(classes, count: int, sharpness: float, seed: int = 0) -> np.ndarray:
    """Log probabilities of one who leans towards the right class, and knows how far to trust that; at 0, noise."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(len(classes), count))
    logits[np.arange(len(classes)), classes] += sharpness
    logits *= max(sharpness, 1.0)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
