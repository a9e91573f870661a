"""The group `embeddings`: one asset a backbone, computed in one pass over the photos that lack a vector.

A vector is known by its photo's content and its fingerprint.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import OWNERS
from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.images.edges import edges_table
from imgsim_assets.assets.keeping import keep_table
from imgsim_assets.assets.keys import CANNY_MAPS, EMBEDDINGS, RAW_IMAGES, embedding_key
from imgsim_assets.errors import all_together
from imgsim_assets.fingerprint import digest
from imgsim_assets.resources.provenance import Computation, computed_by, noting
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Backbone, Settings
from imgsim_assets.spending import Watch
from imgsim_assets.view_table import View, need_edges
from imgsim_assets.vision.away import away_fact
from imgsim_assets.vision.backbones.identity import short_uri
from imgsim_assets.vision.backbones.loading import framework_of
from imgsim_assets.vision.content_names import vector_folder, view_fingerprint, what_embedding_reads
from imgsim_assets.vision.embedding_pass import EmbeddingPass, EmbeddingTask, compute_vectors


def recorded_fingerprints(store: Store, name: str) -> dict[str, str]:
    """Read which vectors the asset of the backbone `name` has: their fingerprint by view.

    Raises:
        ArtefactError: it has made nothing yet, or that is damaged.
    """
    recorded: Any = store.artefacts.open(embedding_key(name)).manifest.facts["fingerprints"]
    return dict(recorded)


def embedding_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build one asset for each backbone of the settings; those that run together decode each photo once."""
    computed = {
        name: computed_by("embeddings/3", **what_embedding_reads(settings, name)) for name in settings.backbones
    }

    @dg.multi_asset(
        name="embeddings",
        specs=[_spec(name, backbone, computed[name]) for name, backbone in settings.backbones.items()],
        can_subset=True,
        pool="gpu",
    )
    def embeddings(context: dg.AssetExecutionContext, store: Store) -> Iterator[dg.MaterializeResult[Any]]:
        watch = Watch()
        chosen = {dg.AssetKey.from_user_string(embedding_key(name)): name for name in settings.backbones}
        names = [name for key, name in chosen.items() if key in context.selected_asset_keys]
        photos = distinct_photos(store)
        tasks = [
            _task(store, settings, name, view, photos["content_id"])
            for name in names
            for view in settings.backbones[name].views
        ]
        done = compute_vectors(
            store.content, edges_table(store, settings), settings, photos, [task for task in tasks if len(task.missing)]
        )
        for name in names:
            if name not in done.broken:
                made = _keep(context, store, photos, [task for task in tasks if task.backbone == name], done)
                yield noting(made, computed[name], watch.spent())
        # The others have their vectors; what one backbone lacks is said at the end.
        if done.broken:
            raise all_together(done.broken)

    return [embeddings]


def _spec(name: str, backbone: Backbone, computed: Computation) -> dg.AssetSpec:
    return dg.AssetSpec(
        dg.AssetKey.from_user_string(embedding_key(name)),
        group_name=EMBEDDINGS,
        kinds={framework_of(backbone.uri), "lance"},
        owners=OWNERS,
        deps=[RAW_IMAGES, CANNY_MAPS] if need_edges(backbone.views) else [RAW_IMAGES],
        **computed,
        description=(
            f"Unit vectors of every photo by `{short_uri(backbone.uri)}`, views {', '.join(backbone.views)}. "
            "Only photos never seen by this backbone before are computed."
        ),
    )


def _task(store: Store, settings: Settings, name: str, view: View, ids: pl.Series) -> EmbeddingTask:
    fingerprinted = view_fingerprint(settings, settings.backbones[name], view)
    folder = vector_folder(fingerprinted)
    known = store.stored_table(folder)
    missing = ids if known is None else pl.Series(known.missing(ids), dtype=pl.String)
    return EmbeddingTask(name, view, fingerprinted, folder, missing)


def _keep(
    context: dg.AssetExecutionContext,
    store: Store,
    photos: pl.DataFrame,
    tasks: Sequence[EmbeddingTask],
    done: EmbeddingPass,
) -> dg.MaterializeResult[Any]:
    """Keep one backbone's asset: `tasks` are those of its views."""
    name = tasks[0].backbone
    failures = {content_id: reason for task in tasks for content_id, reason in task.failures.items()}
    for content_id, reason in failures.items():
        context.log.warning(f"no vector by {name} for {content_id}: {reason}")
    away = {content_id for task in tasks for content_id in task.away}
    embedded = photos.select("content_id").filter(~pl.col("content_id").is_in(list(failures)))
    made = keep_table(
        store,
        embedding_key(name),
        embedded,
        facts={
            "fingerprints": {task.view: task.fingerprint for task in tasks},
            "ids": digest(embedded["content_id"]),
            **away_fact(away, photos.height),
        },
        metadata={
            "photos": embedded.height,
            "computed": sum(len(task.missing) for task in tasks),
            "failed": len(failures),
            **done.told_of(name),
        },
    )
    return made._replace(asset_key=dg.AssetKey.from_user_string(embedding_key(name)))
