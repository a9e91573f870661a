"""A gallery and queries as the pipeline makes them: class probabilities, then likeness."""

import numpy as np

from imgsim_assets.retrieval.ann.build import build_index
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors
from imgsim_tests.retrieval.heads import draw_head


def served_vectors(classes=20, photos=15, rank=8, queries=40, seed=0):
    """Give float32 gallery [classes * photos, c + r], float32 queries, and the gallery's classes."""
    random = np.random.default_rng(seed)
    between = np.linspace(12.0, 1.0, rank)
    means = random.normal(size=(classes, rank)) * np.sqrt(between)
    labels = np.repeat(np.arange(classes), photos)
    gallery = means[labels] + random.normal(size=(len(labels), rank))
    asked = means[random.integers(0, classes, queries)] + random.normal(size=(queries, rank))
    head, coordinates = draw_head(gallery, labels, evidence="glrt")
    vectors = gallery_vectors(head, coordinates, labels)
    return vectors, query_vectors(head, head.axes.project(asked), vectors), labels


def built(settings, gallery, probes=None):
    """Build the index that settings describe, set by `probes`, or by the gallery itself."""
    return build_index(settings, gallery, gallery if probes is None else probes)[0]
