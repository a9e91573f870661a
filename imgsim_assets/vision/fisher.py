"""Fisher vectors: how a picture's local descriptors differ from those of pictures in general.

Perronnin, Sanchez and Mensink, "Improving the Fisher Kernel for Large-Scale Image Classification", ECCV 2010; places in
the picture are two more dimensions of each descriptor (Sanchez, Perronnin and de Campos 2012).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

LEAST_SHARE = 1e-4  # of a descriptor; less is nothing


@dataclass(frozen=True)
class Codebook:
    """What descriptors are like in general: principal axes, and a mixture of k Gaussians along them and the places.

    `mean` float32 [d] and `axes` float32 [d, p] of descriptors; `weights` float32 [k], `means` and `variances` float32
    [k, p + 2] of the mixture; `place_weight` float32 []: what a place from -0.5 to 0.5 is multiplied by.
    """

    mean: Floats
    axes: Floats
    weights: Floats
    means: Floats
    variances: Floats
    place_weight: Floats

    @property
    def dimension(self) -> int:
        """Length of a Fisher vector."""
        return 2 * self.means.size

    def points(self, descriptors: Floats, places: Floats) -> Floats:
        """Bring descriptors [n, d] and places [n, 2] into the mixture's space: float32 [n, p + 2]."""
        return np.concatenate([(descriptors - self.mean) @ self.axes, self.place_weight * places], axis=1)

    def encode(self, descriptors: Floats, places: Floats) -> Floats:
        """Encode a picture's descriptors [n, d] and their places [n, 2]: float32 [dimension], of length one."""
        points = self.points(descriptors, places)
        shares = self._shares(points)
        mass = shares.sum(axis=0)[:, np.newaxis]
        first, second = shares.T @ points, shares.T @ points**2
        weights = np.sqrt(self.weights)[:, np.newaxis]
        by_mean = (first - mass * self.means) / (weights * np.sqrt(self.variances))
        spread = second - 2 * first * self.means + mass * (self.means**2 - self.variances)
        by_variance = spread / (np.sqrt(2) * weights * self.variances)
        gradient = np.concatenate([by_mean, by_variance], axis=1).ravel()
        rooted = np.sign(gradient) * np.sqrt(np.abs(gradient))
        return np.asarray(rooted / max(float(np.linalg.norm(rooted)), np.finfo(np.float32).tiny), dtype=np.float32)

    def _shares(self, points: Floats) -> Floats:
        """Say how much of each point is whose: float32 [n, k], rows of sum one."""
        precision = 1 / self.variances
        constant = (self.means**2 * precision + np.log(self.variances)).sum(axis=1) - 2 * np.log(self.weights)
        likelihood = -0.5 * (points**2 @ precision.T - 2 * points @ (self.means * precision).T + constant)
        shares = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return np.where(shares < LEAST_SHARE, 0, shares)
