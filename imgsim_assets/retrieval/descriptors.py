"""One descriptor per photo out of the vectors of several backbones and views."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from imgsim_assets.errors import ArtefactError
from imgsim_assets.view_table import MIRRORS

Vectors = npt.NDArray[np.float32]


def assemble_descriptors(vectors: Mapping[tuple[str, str], npt.NDArray[np.floating]], power: float = 1.0) -> Vectors:
    """Concatenate the blocks of every backbone, all with the same weight.

    A mirrored photo means what the photo means, so a view and its mirror image are averaged into one block. Any
    other view is a block of its own.

    Args:
        vectors: (backbone, view) to [photos, dimension], row i of each being the same photo. The order of
            the mapping is the order of the blocks.
        power: values x of vectors without a negative one, pooled activations mostly, become x ** power first (power
            normalisation, Perronnin et al. 2010): below 1 it keeps a few large values from deciding alone. Other
            vectors stay as they are.

    Returns:
        float32 [photos, sum of the blocks' dimensions] of norm 1. A block whose vector is all zeros stays
        zero, so such a photo's norm is smaller.

    Raises:
        ArtefactError: no vectors, differing photo counts or dimensions, or a value that is not finite.
    """
    if not vectors:
        raise ArtefactError("vectors of at least one backbone", "none", "name a backbone in the settings")
    _check(vectors)
    blocks: dict[tuple[str, str], list[npt.NDArray[np.floating]]] = {}
    for (backbone, view), values in vectors.items():
        blocks.setdefault((backbone, MIRRORS.get(view, view)), []).append(normalise(_raised(values, power)))
    joined = [normalise(np.mean(parts, axis=0)) for parts in blocks.values()]
    return np.concatenate(joined, axis=1).astype(np.float32) / np.float32(np.sqrt(len(joined)))


def _raised(values: npt.NDArray[np.floating], power: float) -> npt.NDArray[np.floating]:
    return np.where(unsigned(values)[:, np.newaxis], np.abs(values) ** power, values)


def unsigned(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Say which rows of [n, d] have no negative value, as pooled activations have none: bool [n]."""
    return np.asarray((vectors >= 0).all(axis=1))


def normalise(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Scale each row of [n, d] to L2 norm 1; a row of zeros stays as it is."""
    values = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0))


def _check(vectors: Mapping[tuple[str, str], npt.NDArray[np.floating]]) -> None:
    count = len(next(iter(vectors.values())))
    widths: dict[tuple[str, str], int] = {}
    for (backbone, view), values in vectors.items():
        name = f"{backbone}/{view}"
        if values.ndim != 2 or len(values) != count:
            raise ArtefactError(f"[{count}, d] vectors of {name}", f"shape {values.shape}", "embed the photos again")
        width = widths.setdefault((backbone, MIRRORS.get(view, view)), values.shape[1])
        if width != values.shape[1]:
            raise ArtefactError(f"{width} dimensions in {name}", f"{values.shape[1]}", "embed the photos again")
        broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(broken):
            raise ArtefactError(
                f"finite vectors of {name}",
                f"{len(broken)} photos with NaN or infinity, the first in row {broken[0]}",
                "check the backbone's weights, then embed the photos again",
            )
