"""Photos drawn from a two-covariance model."""

import numpy as np


def draw_photos(classes=8, photos=6, width=12, spread=3.0, seed=0):
    """Give float64 [classes * photos, width] vectors and their classes; within covariance is not isotropic."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(width, width)) / np.sqrt(width)
    means = random.normal(size=(classes, width)) * spread
    labels = np.repeat(np.arange(classes), photos)
    return means[labels] + random.normal(size=(len(labels), width)) @ mixing + 5.0, labels
