"""The group `embeddings`: one asset a backbone, computed in one pass over the photos that lack a vector.

A vector is known by its photo's content and its fingerprint.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
from imgsim_assets.errors import UserError
from imgsim_assets.fingerprint import digest, fingerprint
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Backbone, Settings, View
from imgsim_assets.storage.content_table import vector_rows, vector_schema
from imgsim_assets.vision.backbones.identity import backbone_identity
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.canny import decode_edges
from imgsim_assets.vision.embedding import EmbeddedBatch, Lane, PhotoSource, embed_photos
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
    """Build one asset for each backbone of the settings; those that run together decode each photo once."""

    @dg.multi_asset(
        name="embeddings",
        specs=[_spec(settings, name, backbone) for name, backbone in settings.backbones.items()],
        can_subset=True,
        pool="gpu",
    )
    def embeddings(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult[Any]]:
        chosen = {dg.AssetKey.from_user_string(embedding_key(name)): name for name in settings.backbones}
        names = [name for key, name in chosen.items() if key in context.selected_asset_keys]
        photos = distinct_photos(store)
        tasks = [
            _task(store, settings, name, view, photos["content_id"])
            for name in names
            for view in settings.backbones[name].views
        ]
        broken = _fill(store, settings, photos, [task for task in tasks if task.missing])
        for name in names:
            if name not in broken:
                yield _publish(context, store, name, photos, [task for task in tasks if task.backbone == name])
        # The others have their vectors; what one backbone lacks is said at the end.
        for error in broken.values():
            raise error

    return [embeddings]


def _spec(settings: Settings, name: str, backbone: Backbone) -> dg.AssetSpec:
    needs_edges = bool(set(MAKES_EDGES).intersection(backbone.views))
    return dg.AssetSpec(
        dg.AssetKey.from_user_string(embedding_key(name)),
        group_name=GROUP,
        kinds={KINDS.get(backbone.uri.partition(":")[0], "python"), "lance"},
        owners=OWNERS,
        deps=[RAW_IMAGES, CANNY_MAPS] if needs_edges else [RAW_IMAGES],
        **computed_by("embeddings/2", **_reads(settings, name, backbone)),
        description=(
            f"Unit vectors of every photo by `{_short(backbone.uri)}`, views {', '.join(backbone.views)}. "
            "Only photos never seen by this backbone before are computed."
        ),
    )


def _short(uri: str) -> str:
    scheme, _, name = uri.partition(":")
    return f"{scheme}:{Path(name).name}" if Path(name).is_absolute() else uri


@dataclass
class _Task:
    """The vectors of one backbone and view: which photos have none yet, and what came of computing them."""

    backbone: str
    view: View
    fingerprint: str
    missing: frozenset[str]
    failures: dict[str, str] = field(default_factory=dict)
    waiting: list[EmbeddedBatch] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.backbone} {self.view}"


def _task(store: Store, settings: Settings, name: str, view: View, ids: pl.Series) -> _Task:
    fingerprinted = view_fingerprint(settings, settings.backbones[name], view)
    known = store.stored_table(vector_folder(fingerprinted))
    return _Task(name, view, fingerprinted, frozenset(known.missing(ids) if known else ids))


def _fill(store: Store, settings: Settings, photos: pl.DataFrame, tasks: Sequence[_Task]) -> dict[str, UserError]:
    """Compute in one pass what is missing, and append commit by commit, so that an interrupted run loses little.

    Returns:
        The backbones that could not be loaded, and why; the others are computed all the same.
    """
    models, broken = _load_models(settings, [task.backbone for task in tasks])
    lanes = {
        task.name: Lane(task.name, models[task.backbone], functools.partial(_look, view=task.view), task.missing)
        for task in tasks
        if task.backbone in models
    }
    by_name = {task.name: task for task in tasks}
    missing = frozenset().union(*(lane.wanted or () for lane in lanes.values()))
    sources = _sources(settings, store, photos.filter(pl.col("content_id").is_in(list(missing))), tasks)
    batches = embed_photos(
        sources,
        list(lanes.values()),
        batch_size=settings.runtime.batch_size,
        workers=thread_count(settings.runtime.threads),
        description=", ".join(lanes),
    )
    for name, batch in batches:
        task = by_name[name]
        task.failures |= batch.failures
        task.waiting.append(batch)
        if sum(len(one.content_ids) for one in task.waiting) >= VECTORS_A_COMMIT:
            _append(store, task, models[task.backbone].dimension)
    for name in lanes:
        _append(store, by_name[name], models[by_name[name].backbone].dimension)
    return broken


def _load_models(settings: Settings, names: Iterable[str]) -> tuple[dict[str, BackboneModel], dict[str, UserError]]:
    """Load each backbone for which there is something to compute: a run that finds all known imports no framework."""
    models: dict[str, BackboneModel] = {}
    broken: dict[str, UserError] = {}
    for name in dict.fromkeys(names):
        from imgsim_assets.vision.backbones.loading import load_backbone

        try:
            models[name] = load_backbone(settings.backbones[name], settings.runtime, settings.places.models)
        except UserError as error:
            broken[name] = error
    return models, broken


def _append(store: Store, task: _Task, dimension: int) -> None:
    batches, task.waiting = task.waiting, []
    ids = [content_id for batch in batches for content_id in batch.content_ids]
    table = store.content_table(vector_folder(task.fingerprint), vector_schema(dimension))
    if ids:
        table.append(vector_rows(ids, np.concatenate([batch.vectors for batch in batches])))


def _publish(
    context: dg.AssetExecutionContext, store: Store, name: str, photos: pl.DataFrame, tasks: Sequence[_Task]
) -> dg.MaterializeResult[Any]:
    failures = {content_id: reason for task in tasks for content_id, reason in task.failures.items()}
    for content_id, reason in failures.items():
        context.log.warning(f"no vector by {name} for {content_id}: {reason}")
    embedded = photos.select("content_id").filter(~pl.col("content_id").is_in(list(failures)))
    made = publish_table(
        store,
        embedding_key(name),
        embedded,
        facts={"fingerprints": {task.view: task.fingerprint for task in tasks}, "ids": digest(embedded["content_id"])},
        metadata={
            "photos": embedded.height,
            "computed": sum(len(task.missing) for task in tasks),
            "failed": len(failures),
        },
    )
    return made._replace(asset_key=dg.AssetKey.from_user_string(embedding_key(name)))


@dataclass(frozen=True)
class _Opened:
    """A photo, decoded once for all views, and its row of the edges where a view needs them."""

    photo: Image
    edges: dict[str, Any] | None


def _look(opened: _Opened, view: View) -> Image:
    return make_view(opened.photo, view, decode_edges(opened.edges) if opened.edges and view in MAKES_EDGES else None)


def _sources(
    settings: Settings, store: Store, photos: pl.DataFrame, tasks: Sequence[_Task]
) -> list[PhotoSource[_Opened]]:
    ids = photos["content_id"].to_list()
    needs_edges = any(task.view in MAKES_EDGES for task in tasks)
    rows = edges_table(store, settings).read(ids).to_pylist() if needs_edges else [None] * len(ids)

    def open_photo(path: Path, row: dict[str, Any] | None) -> _Opened:
        return _Opened(decode_photo(path, settings.ingest.max_pixels), row)

    return [
        PhotoSource(content_id, functools.partial(open_photo, settings.places.data / path, row))
        for content_id, path, row in zip(ids, photos["path"], rows, strict=True)
    ]
