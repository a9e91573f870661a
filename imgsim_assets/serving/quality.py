"""What a publication was judged by, kept with it: its successor is held against that."""

import json
from pathlib import Path

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.publication_gate import Quality
from imgsim_assets.serving import layout
from imgsim_assets.storage.formats import read_table, write_table
from imgsim_assets.storage.publication import whole_publication


def write_quality(bundle: Path, quality: Quality) -> None:
    """Write it into the folder of a bundle."""
    recall = json.dumps(dict(quality.recall), indent=2, sort_keys=True)
    (bundle / layout.RECALL).write_text(recall, encoding="utf-8")
    write_table(bundle / layout.VALIDATED, quality.validated)


def published_quality(state: Path) -> Quality | None:
    """Read that of the publication in force; None: nothing whole is published, or before there was a gate."""
    try:
        bundle = whole_publication(state) / layout.BUNDLE
        return Quality(read_table(bundle / layout.VALIDATED), json.loads((bundle / layout.RECALL).read_bytes()))
    except (ArtefactError, FileNotFoundError):
        return None
