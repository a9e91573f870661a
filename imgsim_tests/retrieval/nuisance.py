"""Photos that the closed form serves badly when W is shrunk too far: where learning a subspace pays."""

import numpy as np


def draw_nuisance_photos(photos, classes=10, width=60, seed=0, fresh=40):
    """Give [n, width] photos and their classes, and as many fresh photos of each class as asked, with theirs.

    A fifth of the directions tell the classes apart and vary little within them; all others are loud and say nothing.
    """
    random = np.random.default_rng(seed)
    telling = width // 5
    means = random.normal(size=(classes, width)) * (np.arange(width) < telling)
    loudness = np.where(np.arange(width) < telling, 0.5, 3.0)
    turn = np.linalg.qr(random.normal(size=(width, width)))[0]

    def draw(count):
        labels = np.repeat(np.arange(classes), count)
        return (means[labels] + random.normal(size=(len(labels), width)) * loudness) @ turn, labels

    return *draw(photos), *draw(fresh)
