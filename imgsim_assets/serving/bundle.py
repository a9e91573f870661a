"""The published search bundle: all that answering one photo needs, in one folder that never changes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.errors import ArtefactError
from imgsim_assets.fingerprint import content_id
from imgsim_assets.retrieval.ann.build import Asked, load_index
from imgsim_assets.retrieval.ann.protocol import Index
from imgsim_assets.retrieval.metric_file import load_head
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.serving import layout
from imgsim_assets.serving.provisional import MARK, mark_of, provisional_settings
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import read_array, read_table
from imgsim_assets.storage.publication import whole_publication
from imgsim_assets.view_table import need_edges
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.content import content_rule

FORMAT = 8


@dataclass(frozen=True)
class SearchBundle:
    """A gallery with its metric head and indices: `vectors` is float32 [n, d], row i is photo i of `gallery`."""

    gallery: pl.DataFrame
    vectors: npt.NDArray[np.float32]
    head: MetricHead
    facts: dict[str, Any]
    folder: Path

    def networks(self, name: str) -> Path:
        """Give the file of the fine-tuned networks of a backbone that the recipe asks."""
        return self.folder / layout.networks_file(name)

    def index(self, library: str) -> Index:
        """Load a library's index.

        Raises:
            ArtefactError: it has other bytes than were published, or fails its self-test.
        """
        path = self.folder / layout.index_file(library)
        known = json.loads((self.folder / layout.INDICES).read_bytes())[library]
        # First of all: a library trusts its file, and a foreign one can end the process.
        if content_id(path) != known["digest"]:
            raise ArtefactError(f"the published index in {path}", "other bytes", "run `imgsim sync`")
        return load_index(known["kind"], path, self.vectors, Asked(known["effort"], known["overfetch"]))


def bundle_facts(settings: Settings) -> dict[str, Any]:
    """Say how the gallery was made, in JSON: all that a query must share with it, and no place on disk."""
    backbones = {
        name: {
            "identity": backbone_identity(backbone, settings.places.models),
            "views": list(backbone.views),
            **{field: value for field, value in backbone.read.items() if field != "revision"},
        }
        for name, backbone in settings.backbones.items()
    }
    edges_are_shown = any(need_edges(backbone.views) for backbone in settings.backbones.values())
    return {
        "format": FORMAT,
        "content": content_rule(trim=settings.ingest.trim),
        "max_pixels": settings.ingest.max_pixels,
        "backbones": backbones,
        **mark_of(settings),
        **(settings.model_dump(mode="json", include={"canny"}) if edges_are_shown else {}),
    }


def open_bundle(settings: Settings, publication: Path | None = None) -> SearchBundle:
    """Open the bundle of a publication, each of whose files is vouched for; None: the one in force.

    Raises:
        ArtefactError: nothing is published, or what is was damaged, or made with other settings or other weights.
    """
    folder = (publication or whole_publication(settings.places.state)) / layout.BUNDLE
    facts = json.loads((folder / layout.FACTS).read_bytes())
    present = bundle_facts(provisional_settings(settings) if MARK in facts else settings)
    # What one of them lacks, it lacks because of something else.
    for name in [*sorted(facts.keys() & present.keys()), *sorted(facts.keys() ^ present.keys())]:
        if facts.get(name) != present.get(name):
            raise ArtefactError(
                f"the settings that made the published gallery, {name} = {facts.get(name)}",
                f"{present.get(name)}",
                "use those settings, or run `imgsim sync` with these",
            )
    return SearchBundle(
        gallery=read_table(folder / layout.PHOTOS),
        vectors=np.asarray(read_array(folder / layout.VECTORS)),
        head=load_head(folder / layout.HEAD),
        facts=facts,
        folder=folder,
    )


def write_facts(
    bundle: Path,
    settings: Settings,
    indices: Mapping[str, tuple[str, str, Asked]],
    vectors: Mapping[str, Mapping[str, str]],
) -> None:
    """Write what a query is held against: `bundle_facts`, and of each library's index its digest, kind and effort.

    `vectors` are the fingerprints of each backbone's views, by which its embeddings are found.
    """
    known = {
        library: {"digest": digest, "kind": kind, **asdict(asked)} for library, (digest, kind, asked) in indices.items()
    }
    facts = json.dumps(bundle_facts(settings), indent=2, sort_keys=True)
    (bundle / layout.FACTS).write_text(facts, encoding="utf-8")
    (bundle / layout.INDICES).write_text(json.dumps(known, indent=2), encoding="utf-8")
    (bundle / layout.EMBEDDINGS).write_text(json.dumps(vectors, indent=2, sort_keys=True), encoding="utf-8")
