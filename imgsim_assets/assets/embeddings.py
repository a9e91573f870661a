"""The group `embeddings`: one asset a backbone; a vector is known by its photo's content and its fingerprint."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
from PIL.Image import Image

from imgsim_assets.assets.edges import CANNY_MAPS, canny_fingerprint, edges_table
from imgsim_assets.assets.images import RAW_IMAGES, distinct_photos
from imgsim_assets.assets.publishing import OWNERS, publish_table
from imgsim_assets.assets.versions import computed_by
from imgsim_assets.fingerprint import digest, fingerprint
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Backbone, Settings, View
from imgsim_assets.storage.content_table import ContentTable, vector_rows, vector_schema
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.canny import decode_edges
from imgsim_assets.vision.embedding import EmbeddedBatch, PhotoSource, embed_photos
from imgsim_assets.vision.photo import decode_photo
from imgsim_assets.vision.threads import thread_count
from imgsim_assets.vision.views import make_view

GROUP = "embeddings"
REVISION = "embed/1"
KINDS = {"hf": "huggingface", "timm": "pytorch", "onnx": "onnx", "compact": "pytorch"}
VECTORS_A_COMMIT = 256
MAKES_EDGES: tuple[View, ...] = ("canny_focus", "canny_edges")


def embedding_key(name: str) -> str:
    """Name the asset of the backbone `name`."""
    return f"embeddings/{name}"


def view_fingerprint(settings: Settings, backbone: Backbone, view: View) -> str:
    """Name the vectors of one backbone and view: changes exactly when they would."""
    edges = canny_fingerprint(settings) if view in MAKES_EDGES else ""
    return fingerprint(REVISION, _model(settings, backbone), view, edges)


def _model(settings: Settings, backbone: Backbone) -> dict[str, Any]:
    """Give what makes a model's vectors: its uri and its revision only say where the weights are, not which."""
    weights = backbone_identity(backbone, settings.places.models)
    feeding = backbone.model_dump(mode="json", exclude={"uri", "revision", "views"})
    return {"kind": backbone.uri.partition(":")[0], "weights": weights, **feeding}


def _reads(settings: Settings, name: str, backbone: Backbone) -> dict[str, Any]:
    reads = {"revision": REVISION, **_model(settings, backbone), "views": list(backbone.views)}
    edges = {"canny": settings.canny} if set(MAKES_EDGES).intersection(backbone.views) else {}
    return {"backbones": {name: reads}, **edges}


def vector_folder(fingerprinted: str) -> str:
    """Name the content table of the vectors with this fingerprint."""
    return f"vectors/{fingerprinted.replace('/', '-')}"


def embedding_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build one asset for each backbone of the settings."""
    return [_embedding_asset(settings, name, backbone) for name, backbone in settings.backbones.items()]


def _short(uri: str) -> str:
    scheme, _, name = uri.partition(":")
    return f"{scheme}:{Path(name).name}" if Path(name).is_absolute() else uri


def _embedding_asset(settings: Settings, name: str, backbone: Backbone) -> dg.AssetsDefinition:
    needs_edges = bool(set(MAKES_EDGES).intersection(backbone.views))
    fingerprints: dict[str, str] = {view: view_fingerprint(settings, backbone, view) for view in backbone.views}

    @dg.asset(
        key=dg.AssetKey.from_user_string(embedding_key(name)),
        group_name=GROUP,
        kinds={KINDS.get(backbone.uri.partition(":")[0], "python"), "lance"},
        owners=OWNERS,
        pool="gpu",
        deps=[RAW_IMAGES, CANNY_MAPS] if needs_edges else [RAW_IMAGES],
        **computed_by("embeddings/2", **_reads(settings, name, backbone)),
        description=(
            f"Unit vectors of every photo by `{_short(backbone.uri)}`, views {', '.join(backbone.views)}. "
            "Only photos never seen by this backbone before are computed."
        ),
    )
    def embeddings(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        photos = distinct_photos(store)
        # Loaded for the first photo that needs it: a run that finds every vector known imports no framework.
        load = functools.cache(lambda: _load(backbone, settings))
        computed: list[str] = []
        failures: dict[str, str] = {}
        for view in backbone.views:
            folder = vector_folder(fingerprints[view])
            known = store.stored_table(folder)
            todo = photos.filter(pl.col("content_id").is_in(known.missing(photos["content_id"]))) if known else photos
            if todo.height:
                table = known or store.content_table(folder, vector_schema(load().dimension))
                failures |= _fill(table, _sources(settings, store, todo, view), load(), settings, f"{name} {view}")
                computed += todo["content_id"].to_list()
        for content_id, reason in failures.items():
            context.log.warning(f"no vector for {content_id}: {reason}")
        embedded = photos.select("content_id").filter(~pl.col("content_id").is_in(list(failures)))
        return publish_table(
            store,
            embedding_key(name),
            embedded,
            facts={"fingerprints": dict(fingerprints), "ids": digest(embedded["content_id"])},
            metadata={"photos": embedded.height, "computed": len(computed), "failed": len(failures)},
        )

    return embeddings


def _load(backbone: Backbone, settings: Settings) -> BackboneModel:
    from imgsim_assets.vision.backbones.loading import load_backbone

    return load_backbone(backbone, settings.runtime, settings.places.models)


def _fill(
    table: ContentTable, sources: Sequence[PhotoSource], model: BackboneModel, settings: Settings, description: str
) -> dict[str, str]:
    """Compute and append commit by commit, so that an interrupted run loses one at most; return the failures."""
    failures: dict[str, str] = {}
    waiting: list[EmbeddedBatch] = []
    for batch in embed_photos(
        sources,
        model,
        batch_size=settings.runtime.batch_size,
        workers=thread_count(settings.runtime.threads),
        description=description,
    ):
        failures |= batch.failures
        waiting.append(batch)
        if sum(len(one.content_ids) for one in waiting) >= VECTORS_A_COMMIT:
            _append(table, waiting)
            waiting = []
    _append(table, waiting)
    return failures


def _append(table: ContentTable, batches: Sequence[EmbeddedBatch]) -> None:
    ids = [content_id for batch in batches for content_id in batch.content_ids]
    if ids:
        table.append(vector_rows(ids, np.concatenate([batch.vectors for batch in batches])))


def _sources(settings: Settings, store: Store, photos: pl.DataFrame, view: View) -> list[PhotoSource]:
    ids = photos["content_id"].to_list()
    rows = edges_table(store, settings).read(ids).to_pylist() if view in MAKES_EDGES else [None] * len(ids)

    def open_view(path: Path, row: dict[str, Any] | None) -> Image:
        photo = decode_photo(path, settings.ingest.max_pixels)
        return make_view(photo, view, decode_edges(row) if row else None)

    return [
        PhotoSource(content_id, functools.partial(open_view, settings.places.data / path, row))
        for content_id, path, row in zip(ids, photos["path"], rows, strict=True)
    ]
