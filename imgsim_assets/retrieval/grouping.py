"""Clusters by the method that the settings choose."""

from imgsim_assets.retrieval.clusters import Clusters, cluster_count, find_clusters
from imgsim_assets.retrieval.density import find_dense_clusters
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.settings import Clusters as ClusterSettings


def group_photos(diffused: Floats, train_classes: Ints, chosen: ClusterSettings) -> Clusters:
    """Group photos by their diffusion coordinates [n, p]; the classes of train photos (-1: none) tell how finely."""
    if chosen.method == "density":
        return find_dense_clusters(diffused)
    count = cluster_count(diffused, train_classes, chosen.seed) if chosen.count == "auto" else chosen.count
    return find_clusters(diffused, count, chosen.seed)
