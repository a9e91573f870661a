"""A gallery and queries in the metric's space, as the pipeline makes them."""

import numpy as np

from imgsim_assets.retrieval.class_sets import gallery_features, query_features


def glrt_vectors(classes=20, photos=15, rank=8, queries=40, seed=0):
    """Give float32 gallery [classes * photos, 2 * rank + 1], float32 queries, and the gallery's classes."""
    random = np.random.default_rng(seed)
    between = np.linspace(12.0, 1.0, rank)
    means = random.normal(size=(classes, rank)) * np.sqrt(between)
    labels = np.repeat(np.arange(classes), photos)
    gallery = means[labels] + random.normal(size=(len(labels), rank))
    asked = means[random.integers(0, classes, queries)] + random.normal(size=(queries, rank))
    return gallery_features(gallery, labels, between, 0.05), query_features(asked, between), labels
