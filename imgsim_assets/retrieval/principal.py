"""The first principal dimensions of descriptors: what every step after them needs, at a tenth of the cost."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.glrt import Floats
from imgsim_assets.threads import single_thread

POWER_ITERATIONS = 3


@dataclass(frozen=True)
class PrincipalAxes:
    """`(x - mean) @ axes`: mean float32 [d], orthonormal axes float32 [d, k], k falling variances float64 [k]."""

    mean: npt.NDArray[np.float32]
    axes: npt.NDArray[np.float32]
    variances: Floats

    def project(self, vectors: npt.NDArray[np.floating]) -> Floats:
        """Take descriptors [n, d] to their principal coordinates: float64 [n, k]."""
        return np.asarray((np.asarray(vectors, dtype=np.float32) - self.mean) @ self.axes, dtype=np.float64)

    @property
    def origin(self) -> Floats:
        """What was taken off: the coordinates of the mean, float64 [k], as seen from the vectors' own zero."""
        return np.asarray(self.mean.astype(np.float64) @ self.axes)

    def half_whitened(self, coordinates: Floats) -> Floats:
        """Divide coordinates [n, k] by the square root of their standard deviation: float64 [n, up to k].

        What all photos share then does not decide alone. Coordinates that do not vary are dropped.
        """
        spread = np.sqrt(self.variances)
        used = spread > spread.max(initial=0.0) * np.finfo(np.float32).eps
        return np.asarray(coordinates[:, used] / np.sqrt(spread[used]))


def principal_axes(vectors: npt.NDArray[np.floating], kept: int, seed: int = 0) -> PrincipalAxes:
    """Find the directions in which descriptors [n, d] vary most: at most `kept`, n and d of them.

    By randomised singular value decomposition (Halko, Martinsson and Tropp 2011) on one thread, so that the same
    photos give the same bytes.
    """
    from sklearn.utils.extmath import randomized_svd

    values = np.asarray(vectors, dtype=np.float32)
    mean = values.mean(axis=0)
    with single_thread():
        count = min(kept, *values.shape)
        _, sizes, axes = randomized_svd(values - mean, count, n_iter=POWER_ITERATIONS, random_state=seed)
    return PrincipalAxes(mean, np.ascontiguousarray(axes.T), np.asarray(sizes, dtype=np.float64) ** 2 / len(values))
