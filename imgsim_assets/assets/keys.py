"""Every asset's key and every group's name: what the parts of the graph are called in records, folders and words."""

from collections.abc import Mapping

import dagster as dg

from imgsim_assets.settings import Backbone, Settings

IMAGES = "images"
EMBEDDINGS = "embeddings"
LEARNING = "learning"
SEARCH = "search"
DELIVERY = "delivery"

IMAGE_FOLDER = "image_folder"
RAW_IMAGES = "raw_images"
SOLUTION = "solution_labels"
CANNY_MAPS = "canny_maps"

LEARNING_SET = "learning_set"
CLUSTERS = "clusters"
RANKING_CHOICE = "ranking_choice"
METRIC_HEAD = "metric_head"
CROSS_VALIDATION = "cross_validation"

GALLERY = "gallery_vectors"
QUERIES = "query_vectors"
COMPARISON = "index_comparison"

EVALUATION = "evaluation"
SUBMISSION = "submission"
REPORT = "retrieval_report"
PUBLICATION = "publication"


def embedding_key(name: str) -> str:
    """Name the asset of the vectors of the backbone `name`."""
    return f"{EMBEDDINGS}/{name}"


def fine_tuned_key(name: str) -> str:
    """Name the asset of the networks that the backbone `name` became."""
    return f"fine_tuned/{name}"


def class_scores_key(name: str) -> str:
    """Name the asset of what those networks say."""
    return f"class_scores/{name}"


def index_key(library: str) -> str:
    """Name the asset of a library's index."""
    return f"{library}_index"


def neighbors_key(library: str) -> str:
    """Name the asset of what a library's index finds."""
    return f"{library}_neighbors"


def fine_tuned_backbones(settings: Settings) -> Mapping[str, Backbone]:
    """Give the backbones that are fine-tuned, by name."""
    return {name: backbone for name, backbone in settings.backbones.items() if backbone.fine_tune}


def embedding_deps(settings: Settings) -> list[dg.AssetKey]:
    """Name the embedding assets of all backbones."""
    return [dg.AssetKey.from_user_string(embedding_key(name)) for name in settings.backbones]


def fine_tuned_deps(settings: Settings) -> list[dg.AssetKey]:
    """Name the assets that what is learned hangs on: the networks, and what they say of the learning set."""
    return [dg.AssetKey.from_user_string(fine_tuned_key(name)) for name in fine_tuned_backbones(settings)]


def class_scores_deps(settings: Settings) -> list[dg.AssetKey]:
    """Name the assets that what is served hangs on: what the networks say of all photos."""
    return [dg.AssetKey.from_user_string(class_scores_key(name)) for name in fine_tuned_backbones(settings)]
