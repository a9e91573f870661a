"""Zero-shot names of clusters: of a person's words, the one that lies nearest to what a cluster shows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.floating]
NAMED = pl.Schema({"cluster": pl.Int64, "photos": pl.UInt32, "name": pl.String, "share": pl.Float64, "next": pl.String})


def name_clusters(
    numbers: npt.NDArray[np.integer], photos: Floats, words: Floats, names: Sequence[str]
) -> pl.DataFrame:
    """Name each cluster by the word that is nearest to the mean of its photos.

    Args:
        numbers: int [n], the cluster of each photo.
        photos: [n, d], unit vectors of the image tower.
        words: [w, d], unit vectors of the text tower, w >= 1.
        names: of the words, row for row.

    Returns:
        `NAMED`, the largest cluster first: `share` of its photos have its name as their own nearest word, `next` is the
        second nearest word (null: there is one word).
    """
    own = (photos @ words.T).argmax(axis=1)
    rows = []
    for number in np.unique(numbers):
        members = numbers == number
        order = np.argsort(-(words @ photos[members].mean(axis=0)), kind="stable")
        first, following = int(order[0]), names[order[1]] if len(order) > 1 else None
        rows.append((int(number), int(members.sum()), names[first], float((own[members] == first).mean()), following))
    return pl.DataFrame(rows, schema=NAMED, orient="row").sort("photos", "cluster", descending=[True, False])
