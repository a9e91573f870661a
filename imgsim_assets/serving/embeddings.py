"""Published vectors of photos, as they are handed to programs and to the search by words."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Vectors of photos by one backbone and view: row i of `vectors`, float32 [n, d], belongs to `content_ids[i]`."""

    content_ids: tuple[str, ...]
    vectors: npt.NDArray[np.float32]
