"""What each picture's edges are like and where, as its Fisher vector says: the networks learn to tell it.

The vector needs no label, and is another for every picture: says more than the shape of a class. After the
histograms of gradients that Wei et al. let a transformer predict (MaskFeat, CVPR 2022).
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.vision.classic import describe
from imgsim_assets.vision.fisher import Codebook, Floats
from imgsim_workshop.processes import ordered_map

NUMBERS = 256
CELL_SIDES = (4, 6, 8)  # fewer than the classical member's, for pictures of less than half its side
LEARNED_FROM = 4000  # pictures; the axes are learned from no more
# The power of its variance that a direction is multiplied by: the first ones say less than they weigh.
FLATTENED = -0.25
BLOCK = 64


def fisher_targets(pictures: npt.NDArray[np.uint8], codebook: Codebook, seed: int, workers: int) -> Floats:
    """Describe pictures by the first principal components of their Fisher vectors.

    Pictures may be mirrored, so each vector is the mean with that of the mirror image.

    Args:
        pictures: uint8 [n, side, side, 3].
        codebook: of dense SIFT.
        seed: of which pictures the axes are learned from.
        workers: processes that describe.

    Returns:
        float32 [n, NUMBERS], of mean nothing and mean square one over all.
    """
    from sklearn.decomposition import PCA

    chosen = np.random.default_rng(seed).permutation(len(pictures))[:LEARNED_FROM]
    sample = np.concatenate(list(_described(pictures[np.sort(chosen)], codebook, workers)))
    axes = PCA(min(NUMBERS, *sample.shape), svd_solver="randomized", random_state=seed).fit(sample)
    found = np.zeros((len(pictures), NUMBERS), dtype=np.float32)
    for index, block in enumerate(_described(pictures, codebook, workers)):
        place = slice(index * BLOCK, index * BLOCK + len(block))
        found[place, : axes.n_components_] = axes.transform(block)
    spread = found.var(axis=0)
    found *= np.where(spread > 0, spread, 1) ** FLATTENED
    found -= found.mean(axis=0)
    return np.asarray(found / np.sqrt(np.square(found).mean()), dtype=np.float32)


def _described(pictures: npt.NDArray[np.uint8], codebook: Codebook, workers: int) -> Iterator[Floats]:
    """Give the Fisher vectors of blocks of pictures, in order."""
    blocks = [pictures[start : start + BLOCK] for start in range(0, len(pictures), BLOCK)]
    encode = partial(_fisher_vectors, codebook=codebook)
    with ordered_map(workers) as spread:
        yield from track(spread(encode, blocks), "Describing pictures", total=len(blocks), unit="block")


def _fisher_vectors(pictures: npt.NDArray[np.uint8], codebook: Codebook) -> Floats:
    """Give the Fisher vectors of a few pictures: float32 [n, d]."""
    return np.stack([(_encoded(picture, codebook) + _encoded(picture[:, ::-1], codebook)) / 2 for picture in pictures])


def _encoded(picture: npt.NDArray[np.uint8], codebook: Codebook) -> Floats:
    return codebook.encode(*describe("sift", np.ascontiguousarray(picture), CELL_SIDES))
