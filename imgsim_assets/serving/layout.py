"""What a publication is made of: the names of its files, for who publishes them and who reads them.

Three files are for people, beside a folder that holds all that answering one photo needs; names in that folder are
relative to it. The first columns of tables are named here, the others where they are made.
"""

from pathlib import Path

from imgsim_assets.retrieval.ann.protocol import LIBRARIES

SUBMISSION = "submission.csv"  # docs/submission.md
METRICS = "metrics.json"  # MAP@10, its interval and source, and what else was measured: retrieval/evaluation.py
REPORT = "report.html"

BUNDLE = "bundle"
FACTS = "bundle.json"  # the settings and models that a query must share with the gallery: `bundle_facts`
PHOTOS = "gallery.parquet"  # train photos: `name`, `content_id`, `label`, ...
CATALOGUE = "catalogue.parquet"  # a row for each file of the folder of photos: vision/catalogue.py
EMBEDDINGS = "embeddings.json"  # by backbone and view: the fingerprint of its vectors
VECTORS = "gallery.npy"  # theirs, row for row: float32 [n, d]
HEAD = "metric.safetensors"  # retrieval/metric_file.py
INDICES = "indices.json"  # by library: its index's `digest`, `kind`, `effort` and `overfetch`
COMPARISON = "comparison.parquet"  # a row for each library: `library`, ...
CURVES = "curves.parquet"  # a row for each library and effort: `library`, `effort`, ...
VERDICT = "verdict.txt"  # what both say in words
RECALL = "recall.json"  # by library: its recall@10; with the next, what the publication gate compares with
VALIDATED = "cross_validation.parquet"  # labelled train photos: `photo` (content id), `label`, `average_precision`


def index_file(library: str) -> str:
    """Name the file of a library's index."""
    return f"{library}.index"


def neighbours_file(library: str) -> str:
    """Name the table of what a library finds for each test photo: `query`, `rank`, `name`, `score`."""
    return f"{library}_neighbours.parquet"


def networks_file(name: str) -> str:
    """Name the file of the fine-tuned networks that the backbone `name` became; only what the recipe asks has one."""
    return f"fine_tuned_{name}.safetensors"


def head_of(publication: Path) -> Path:
    """Say where a publication has its metric head."""
    return publication / BUNDLE / HEAD


BUNDLED = (
    *(FACTS, CATALOGUE, EMBEDDINGS, PHOTOS, VECTORS, HEAD, INDICES, COMPARISON, CURVES, VERDICT, RECALL, VALIDATED),
    *map(index_file, LIBRARIES),
    *map(neighbours_file, LIBRARIES),
)
FILES = (SUBMISSION, METRICS, REPORT, *(f"{BUNDLE}/{name}" for name in BUNDLED))  # of every publication
