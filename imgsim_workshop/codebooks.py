"""The codebooks of the classical models, learned from drawn pictures as large as those that they will see."""

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from imgsim_assets.vision.classic import SIDE, describe
from imgsim_assets.vision.fisher import Codebook, Floats
from imgsim_workshop.classes import Kind
from imgsim_workshop.pictures import draw_pictures

TAKEN = 150  # descriptors of each picture
# Principal axes and Gaussians: with more of both, more is told apart, by vectors as many times as long.
SIZES = {"sift": (32, 128), "colour": (24, 64)}
PLACE_WEIGHT = 1.0
LEAST_VARIANCE = 1e-5
ROUNDS = 40


def draw_large(kinds: Sequence[Kind], seed: int, workers: int) -> npt.NDArray[np.uint8]:
    """Draw two pictures of each class, an easy and a hard one: uint8 [2 * classes, SIDE, SIDE, 3]."""
    return draw_pictures(kinds, 2, seed, workers, side=SIDE)


def train_codebook(name: str, pictures: npt.NDArray[np.uint8], seed: int) -> Codebook:
    """Learn a codebook.

    Args:
        name: one of `CLASSIC_NAMES`.
        pictures: uint8 [n, SIDE, SIDE, 3].
        seed: of what is random.
    """
    axes, gaussians = SIZES[name]
    random = np.random.default_rng(seed)
    taken = []
    for picture in pictures:
        descriptors, places = describe(name, picture)
        rows = random.choice(len(descriptors), min(TAKEN, len(descriptors)), replace=False)
        taken.append((descriptors[rows], places[rows]))
    return learn_codebook(
        np.concatenate([descriptors for descriptors, _ in taken]),
        np.concatenate([places for _, places in taken]),
        axes=axes, gaussians=gaussians, place_weight=PLACE_WEIGHT, seed=seed,
    )  # fmt: skip


def learn_codebook(
    descriptors: Floats, places: Floats, *, axes: int, gaussians: int, place_weight: float, seed: int
) -> Codebook:
    """Learn what descriptors [n, d] at places [n, 2] are like.

    Args:
        descriptors: of many pictures, some of each.
        places: theirs.
        axes: principal axes that are kept.
        gaussians: of the mixture.
        place_weight: see `Codebook`.
        seed: of the mixture's start.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mean = descriptors.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov(descriptors - mean, rowvar=False))
    kept = np.ascontiguousarray(directions[:, ::-1][:, :axes], dtype=np.float32)
    points = np.concatenate([(descriptors - mean) @ kept, place_weight * places], axis=1)
    mixture = GaussianMixture(
        gaussians, covariance_type="diag", reg_covar=LEAST_VARIANCE, max_iter=ROUNDS, random_state=seed
    )
    with warnings.catch_warnings():
        # A codebook need not be the best one there is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(points)
    weights, means, variances = (
        np.asarray(one, dtype=np.float32) for one in (mixture.weights_, mixture.means_, mixture.covariances_)
    )
    return Codebook(mean, kept, weights, means, variances, np.array(place_weight, dtype=np.float32))
