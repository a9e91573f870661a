"""What rows by content are stored under: each name changes exactly when what is computed would."""

from typing import Any

from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.view_table import VIEWS, View, need_edges
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.content import CONTENT_REVISION, content_rule
from imgsim_assets.vision.inspection import INSPECTION_REVISION
from imgsim_assets.vision.photo import DECODING_REVISION

EDGES_REVISION = "canny/3"
VECTORS_REVISION = "embed/3"


def what_embedding_reads(settings: Settings, name: str) -> dict[str, Any]:
    """Give all that decides the vectors of the backbone `name`, by the names that people know it by."""
    backbone = settings.backbones[name]
    reads = {"revision": VECTORS_REVISION, **model_identity(settings, backbone), "views": list(backbone.views)}
    edges = {"canny": settings.canny} if need_edges(backbone.views) else {}
    seen = {"decoding": DECODING_REVISION, "content": CONTENT_REVISION}
    return {"backbones": {name: reads}, "ingest": {"trim": settings.ingest.trim}, **seen, **edges}


def inspection_table(settings: Settings) -> str:
    """Name the content table of what is known of each photo."""
    return fingerprint(INSPECTION_REVISION, content_fingerprint(settings), settings.ingest.max_pixels)


def content_fingerprint(settings: Settings) -> str:
    """Name what is kept of photos: changes exactly when that would."""
    return content_rule(trim=settings.ingest.trim)


def canny_fingerprint(settings: Settings) -> str:
    """Name the edge maps: changes exactly when they would."""
    return fingerprint(EDGES_REVISION, content_fingerprint(settings), settings.canny)


def view_fingerprint(settings: Settings, backbone: Backbone, view: View) -> str:
    """Name the vectors of one backbone and view: changes exactly when they would."""
    edges = canny_fingerprint(settings) if VIEWS[view].needs_edges else ""
    return fingerprint(VECTORS_REVISION, content_fingerprint(settings), model_identity(settings, backbone), view, edges)


def model_identity(settings: Settings, backbone: Backbone) -> dict[str, Any]:
    """Give what makes a model's vectors: its uri and its revision only say where the weights are, not which."""
    weights = backbone_identity(backbone, settings.places.models)
    feeding = {name: value for name, value in backbone.read.items() if name != "revision"}
    return {"kind": backbone.uri.partition(":")[0], "weights": weights, **feeding}


def vector_folder(fingerprinted: str) -> str:
    """Name the content table of the vectors with this fingerprint."""
    return f"vectors/{fingerprinted.replace('/', '-')}"
