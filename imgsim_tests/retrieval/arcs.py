"""Two classes that run beside each other along a half circle, under noise in all directions: cosine mixes them up."""

import numpy as np

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.descriptors import normalise


def draw_arcs(seed, photos=400, queries=100, width=16, gap=0.4, noise=0.1):
    """Give float32 gallery [photos, width] and queries [queries, width] of norm 1, and both their classes."""
    random = np.random.default_rng(seed)
    count = photos + queries
    angle, classes = random.uniform(0, np.pi, count), np.arange(count) % 2
    points = np.zeros((count, width))
    points[:, :3] = np.stack([np.cos(angle), np.sin(angle), gap * (classes - 0.5)], axis=1)
    vectors = normalise(points + random.normal(size=points.shape) * noise).astype(np.float32)
    return vectors[:photos], vectors[photos:], classes[:photos], classes[photos:]


def mean_precision(ids, query_classes, gallery_classes):
    """Give the mean average precision of ranked lists [q, k]."""
    return average_precision(*relevance(ids, query_classes, gallery_classes), k=ids.shape[1]).mean()


def ranked(gallery, queries, k=20):
    """Give the rows of largest inner product: int64 [q, k]."""
    return exact_neighbours(gallery, queries, k)[0]
