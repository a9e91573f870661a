"""From what was learned to the vectors that both indices serve."""

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.expansion import augment_gallery, expand_queries
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.label_codec import UNKNOWN
from imgsim_assets.retrieval.metric_head import MetricHead

Vectors = npt.NDArray[np.float32]


def gallery_vectors(head: MetricHead, coordinates: Floats, labels: Ints, class_scores: Floats | None = None) -> Vectors:
    """Turn gallery photos into the vectors that queries are compared with.

    Args:
        head: what was learned.
        coordinates: float64 [n, k].
        labels: int [n] known classes; -1 for a photo without label, which counts by its posterior.
        class_scores: what fine-tuned networks say, where the recipe asks them; see `MetricHead.posterior`.

    Returns:
        float32 [n, c + m]: class membership, then likeness; the likeness alone where the recipe has no other evidence.
    """
    _, alike = head.likeness(coordinates)
    if head.recipe.evidence == "likeness":
        vectors = alike.astype(np.float32)
    else:
        unknown = labels == UNKNOWN
        membership = (labels[:, None] == head.classes).astype(np.float64)
        if unknown.any():
            said = None if class_scores is None else class_scores[unknown]
            membership[unknown] = head.posterior(coordinates[unknown], said)
        vectors = _joined(membership, head.recipe.pair_weight * alike)
    return augment_gallery(vectors) if head.recipe.augmentation else vectors


def query_vectors(
    head: MetricHead, coordinates: Floats, gallery: Vectors, class_scores: Floats | None = None
) -> Vectors:
    """Turn queries [q, k] into float32 [q, c + m] whose inner products with the `gallery`'s vectors rank it.

    The inner product is the probability that both photos show one class, sum over c of p(c | query) p(c | photo),
    plus the weighted likeness of the two: ranking by the probability of relevance (Robertson 1977). Expansion, where
    the recipe has it, comes after that. `class_scores` as for the gallery.
    """
    alike, _ = head.likeness(coordinates)
    if head.recipe.evidence == "likeness":
        vectors = alike.astype(np.float32)
    else:
        vectors = _joined(head.posterior(coordinates, class_scores), alike)
    return expand_queries(gallery, vectors) if head.recipe.expansion else vectors


def _joined(probabilities: Floats, likeness: Floats) -> Vectors:
    return np.concatenate([probabilities, likeness], axis=1).astype(np.float32)
