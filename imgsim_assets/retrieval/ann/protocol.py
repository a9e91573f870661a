"""What every index is: built from vectors, saved to one file, and asked for candidates by inner product."""

from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

LIBRARIES = ("faiss", "annoy")
NAMES = {"faiss": "FAISS", "annoy": "Annoy"}  # for people
MISSING = -1
LIST = 10  # how many of a list count: MAP@10, recall@10


class Index(Protocol):
    """An index over float32 [n, d] vectors, known by their row numbers.

    It only proposes: the final order is always by exact inner product (`ann.search`), so that the scores of
    different libraries can be compared.
    """

    @property
    def size(self) -> int:
        """Number of vectors."""
        ...

    @property
    def dimension(self) -> int:
        """Dimensions of a vector as the caller sees it."""
        ...

    @property
    def kind(self) -> str:
        """What it is, in the settings' words: e.g. `hnsw`, or the metric of an Annoy index."""
        ...

    def save(self, path: Path) -> None:
        """Write the index to the one file `path`. Effort and overfetch need not be in it."""
        ...

    @property
    def overfetch(self) -> int:
        """How many candidates to ask for each neighbour that is wanted, before they are put into exact order."""
        ...

    @property
    def effort(self) -> int | None:
        """How much of it a query looks at, in the library's own unit; None: all, there is nothing to trade."""
        ...

    @property
    def least_effort(self) -> int:
        """The effort below which a list of ten falls short, or nothing is gained."""
        ...

    @property
    def most_effort(self) -> int:
        """The effort beyond which a query gains nothing over looking at everything."""
        ...

    def asked_with(self, effort: int, overfetch: int) -> Self:
        """Give the same index, asked with another effort and overfetch: more finds more and takes longer."""
        ...

    def candidates(self, queries: Vectors, count: int) -> Ids:
        """Propose up to `count` rows for each query [q, d]: int64 [q, count], -1 where there are fewer."""
        ...
