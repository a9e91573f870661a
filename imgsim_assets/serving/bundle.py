"""The published search bundle: all that answering one photo needs, in one folder that never changes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from imgsim_assets.errors import ArtefactError
from imgsim_assets.retrieval.ann.build import load_index
from imgsim_assets.retrieval.ann.protocol import Index
from imgsim_assets.retrieval.glrt import GlrtMetric
from imgsim_assets.retrieval.metric_file import load_metric
from imgsim_assets.settings import Annoy, Backbone, Canny, Faiss, Settings
from imgsim_assets.storage.formats import read_array, read_table
from imgsim_assets.storage.publication import published
from imgsim_assets.vision.backbones.identity import backbone_identity

BUNDLE = "bundle"
FORMAT = 1


@dataclass(frozen=True)
class SearchBundle:
    """A gallery with its metric and indices: `vectors` is float32 [n, d], row i is photo i of `gallery`."""

    gallery: pl.DataFrame
    vectors: npt.NDArray[np.float32]
    metric: GlrtMetric
    facts: dict[str, Any]
    folder: Path

    def backbones(self) -> dict[str, Backbone]:
        """Give the backbones that made the gallery."""
        return {name: Backbone.model_validate(one) for name, one in self.facts["backbones"].items()}

    def canny(self) -> Canny:
        """Give the edge detector's settings that made the gallery."""
        return Canny.model_validate(self.facts["canny"])

    def index(self, library: str) -> Index:
        """Load a library's index.

        Raises:
            ArtefactError: it is missing or fails its self-test.
        """
        chosen = (
            Faiss.model_validate(self.facts["faiss"])
            if library == "faiss"
            else Annoy.model_validate(self.facts["annoy"])
        )
        return load_index(chosen, self.folder / f"{library}.index", self.vectors)


def bundle_facts(settings: Settings) -> dict[str, Any]:
    """Say how the gallery was made, in JSON: read again by `open_bundle`."""
    stages = settings.model_dump(mode="json", include={"backbones", "canny", "faiss", "annoy"})
    identities = {name: backbone_identity(one, settings.places.models) for name, one in settings.backbones.items()}
    return {"format": FORMAT, "identities": identities, "max_pixels": settings.ingest.max_pixels, **stages}


def open_bundle(state: Path, models: Path | None) -> SearchBundle:
    """Open the bundle that is published now.

    Args:
        state: the state folder.
        models: local folder of model folders.

    Raises:
        ArtefactError: nothing is published, or the weights are no longer those that made the gallery.
    """
    folder = published(state) / BUNDLE
    facts = json.loads((folder / "bundle.json").read_bytes())
    bundle = SearchBundle(
        gallery=read_table(folder / "gallery.parquet"),
        vectors=np.asarray(read_array(folder / "gallery.npy")),
        metric=load_metric(folder / "metric.safetensors"),
        facts=facts,
        folder=folder,
    )
    for name, backbone in bundle.backbones().items():
        present = backbone_identity(backbone, models)
        if present != facts["identities"][name]:
            raise ArtefactError(
                f"the weights {facts['identities'][name]} of {backbone.uri}, which made the gallery",
                f"{present}",
                "put the former weights back, or run `imgsim sync`",
            )
    return bundle
