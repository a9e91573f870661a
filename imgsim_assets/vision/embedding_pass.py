"""The pass that computes the vectors that are missing, for all backbones and views that miss some at once."""

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from imgsim_assets.errors import ImgsimError
from imgsim_assets.settings import Settings
from imgsim_assets.storage.content_table import ID, ContentTable
from imgsim_assets.storage.vector_rows import vector_rows, vector_schema
from imgsim_assets.threads import thread_count
from imgsim_assets.view_table import View, need_edges
from imgsim_assets.vision.backbones.pixels import SquareFraming
from imgsim_assets.vision.backbones.protocol import BackboneModel
from imgsim_assets.vision.embedded_batch import EmbeddedBatch
from imgsim_assets.vision.embedding import Lane, Pace, embed_photos
from imgsim_assets.vision.frame import Frame, OpenedPhoto
from imgsim_assets.vision.framing import PhotoSource
from imgsim_assets.vision.parcels import has_room
from imgsim_assets.vision.rows import open_row
from imgsim_assets.vision.sameness import Sameness

VECTORS_A_COMMIT = 256
PHOTOS_A_BLOCK = 1024  # whose edges are in memory
PROCESSES_FROM = 5_000  # photos: below, starting processes that decode takes longer than they save


@dataclass
class EmbeddingTask:
    """The vectors of one backbone and view: where they are, which photos have none yet, and what came of them.

    `missing` holds content ids; `failures` maps those that cannot be had to the reason, `away` are those of them whose
    file may be back another day.
    """

    backbone: str
    view: View
    fingerprint: str
    folder: str
    missing: pl.Series
    failures: dict[str, str] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    waiting: list[EmbeddedBatch] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What a lane is called."""
        return f"{self.backbone} {self.view}"


@dataclass
class EmbeddingPass:
    """What a pass has done: where its time went, how each backbone was run, and which could not be, and why."""

    pace: Pace = field(default_factory=Pace)
    runs_as: dict[str, str] = field(default_factory=dict)
    broken: dict[str, ImgsimError] = field(default_factory=dict)

    def told_of(self, backbone: str) -> dict[str, str | float]:
        """Tell how a backbone was run and where the time of its pass went, if it had anything to compute."""
        if backbone not in self.runs_as:
            return {}
        whole = max(self.pace.computing + self.pace.waiting, 1e-9)
        return {
            "runs_as": self.runs_as[backbone],
            "photos_a_second": round(self.pace.photos / whole, 1),
            "computing_share": round(self.pace.computing / whole, 3),
        }


def compute_vectors(
    content: Path, edges: ContentTable, settings: Settings, photos: pl.DataFrame, tasks: Sequence[EmbeddingTask]
) -> EmbeddingPass:
    """Compute in one pass what is missing, and append commit by commit, so that an interrupted run loses little.

    Args:
        content: the folder that the tasks' folders lie in.
        edges: of the photos; only read where a view needs them.
        settings: backbones, and how to run them.
        photos: `content_id`, `path`, `width`, `height` and the content's box of all photos.
        tasks: those that miss vectors; they are told which photos failed.

    Returns:
        What was done; backbones that could not be loaded, or did not get through, are named there, and the others are
        computed all the same.
    """
    done, broken = EmbeddingPass(), dict[str, ImgsimError]()
    models = _load_models(settings, tasks, done)
    by_name = {task.name: task for task in tasks if task.backbone in models}
    frames = {name: Frame(task.view, models[task.backbone].framing) for name, task in by_name.items()}
    wanted = _wanted(photos, by_name)
    batches = embed_photos(
        _sources(settings, edges, wanted, frames),
        [Lane(name, models[task.backbone], frames[name], Sameness(name).look) for name, task in by_name.items()],
        workers=thread_count(settings.runtime.threads),
        in_processes=_earns_processes(models.values(), wanted.height),
        total=wanted.height,
        description="embedding by " + ", ".join(models),
        pace=done.pace,
        broken=broken,
    )
    for name, batch in batches:
        task = by_name[name]
        task.failures |= batch.failures
        task.away |= batch.away
        task.waiting.append(batch)
        if sum(len(one.content_ids) for one in task.waiting) >= VECTORS_A_COMMIT:
            _append(content, task, models[task.backbone].dimension)
    for name, task in by_name.items():
        if name in broken:
            done.broken.setdefault(task.backbone, broken[name])
        else:
            _append(content, task, models[task.backbone].dimension)
    return done


def _load_models(settings: Settings, tasks: Sequence[EmbeddingTask], done: EmbeddingPass) -> dict[str, BackboneModel]:
    """Load each backbone for which there is something to compute: a run that finds all known imports no framework."""
    models: dict[str, BackboneModel] = {}
    for name in dict.fromkeys(task.backbone for task in tasks):
        from imgsim_assets.vision.ready_backbone import ready_backbone

        try:
            model = ready_backbone(settings, name, sum(len(task.missing) for task in tasks if task.backbone == name))
        except ImgsimError as error:
            done.broken[name] = error
            continue
        done.runs_as[name] = model.runs_as
        models[name] = model
    return models


def _earns_processes(models: Collection[BackboneModel], photos: int) -> bool:
    """Say whether photos are decoded by processes: where a card takes them fast, and pickle can send their framing."""
    sent = all(isinstance(model.framing, SquareFraming) for model in models)
    return photos >= PROCESSES_FROM and sent and has_room() and any(model.device != "cpu" for model in models)


def _wanted(photos: pl.DataFrame, tasks: Mapping[str, EmbeddingTask]) -> pl.DataFrame:
    """Give the photos that lack a vector, with the names of the tasks that they lack one of: `wanted_by`."""
    lacking = [
        pl.when(pl.col("content_id").is_in(task.missing.implode())).then(pl.lit(name)) for name, task in tasks.items()
    ]
    names = pl.concat_list(lacking).list.drop_nulls() if lacking else pl.lit(None, pl.List(pl.String))
    return photos.with_columns(wanted_by=names).filter(pl.col("wanted_by").list.len() > 0)


def _sources(
    settings: Settings, edges_table: ContentTable, wanted: pl.DataFrame, frames: Mapping[str, Frame]
) -> Iterator[PhotoSource[OpenedPhoto]]:
    """Yield the photos one after the other; their edges are read in blocks, so that memory does not grow with them."""
    edges_are_shown = need_edges(frame.view for frame in frames.values())
    for block in wanted.iter_slices(PHOTOS_A_BLOCK):
        ids = block["content_id"].to_list()
        edges = _edges(edges_table, ids) if edges_are_shown else {}
        for photo in block.iter_rows(named=True):
            shown = [frames[name] for name in photo["wanted_by"]]
            opening = functools.partial(open_row, settings, photo, shown, edges.get(photo["content_id"]))
            yield PhotoSource(photo["content_id"], opening, frozenset(photo["wanted_by"]))


def _edges(table: ContentTable, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read the edges of those of `ids` that have any; a view that needs them fails for the others."""
    without = set(table.missing(ids))
    return {row[ID]: row for row in table.read([one for one in ids if one not in without]).to_pylist()}


def _append(content: Path, task: EmbeddingTask, dimension: int) -> None:
    batches, task.waiting = task.waiting, []
    ids = [content_id for batch in batches for content_id in batch.content_ids]
    table = ContentTable(content / task.folder, vector_schema(dimension))
    if ids:
        table.append(vector_rows(ids, np.concatenate([batch.vectors for batch in batches])))
