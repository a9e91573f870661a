"""The group `delivery`, last part: the checked submission, and the publication that everything else was made for."""

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets import keys
from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.embeddings import recorded_fingerprints
from imgsim_assets.assets.keeping import TABLE, in_ui, keep, open_table
from imgsim_assets.assets.learning.metric import open_head
from imgsim_assets.assets.learning.validation import open_validated
from imgsim_assets.assets.search.indices import INDEX_FILE, open_index, read_asked
from imgsim_assets.assets.search.vectors import VECTORS_FILE
from imgsim_assets.errors import GateError
from imgsim_assets.resources.measuring import tracked
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.resources.tracking import Tracking
from imgsim_assets.retrieval.ann.protocol import LIBRARIES
from imgsim_assets.retrieval.publication_gate import Quality, foreign_names, gate_criteria, refusals
from imgsim_assets.retrieval.scoring import ranked_lists
from imgsim_assets.retrieval.submission import (
    SEPARATORS,
    check_submission,
    fallback_list,
    read_lists,
    separator_for,
    submission_bytes,
    submission_rows,
)
from imgsim_assets.serving import layout
from imgsim_assets.serving.bundle import bundle_facts, write_facts
from imgsim_assets.serving.quality import published_quality, write_quality
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import writing
from imgsim_assets.storage.publication import LINK
from imgsim_assets.vision.catalogue import photos_to_answer
from imgsim_assets.vision.fine_tuning.networks import NETWORKS_FILE

COPIED = {
    layout.SUBMISSION: (keys.SUBMISSION, layout.SUBMISSION),
    layout.METRICS: (keys.EVALUATION, layout.METRICS),
    layout.REPORT: (keys.REPORT, layout.REPORT),
}
COPIED_TO_BUNDLE = {
    layout.CATALOGUE: (keys.RAW_IMAGES, TABLE),
    layout.PHOTOS: (keys.GALLERY, TABLE),
    layout.VECTORS: (keys.GALLERY, VECTORS_FILE),
    layout.HEAD: (keys.METRIC_HEAD, layout.HEAD),
    layout.COMPARISON: (keys.COMPARISON, TABLE),
    layout.CURVES: (keys.COMPARISON, layout.CURVES),
    layout.VERDICT: (keys.COMPARISON, layout.VERDICT),
    **{layout.index_file(library): (keys.index_key(library), INDEX_FILE) for library in LIBRARIES},
    **{layout.neighbours_file(library): (keys.neighbors_key(library), TABLE) for library in LIBRARIES},
}
GATE_TAG = "imgsim/gate"

Require = Callable[[dg.DagsterInstance], None]  # raises where something above the publication is stale


def delivery_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the assets of this part."""
    return [_submission(settings), _publication(settings)]


def _submission(settings: Settings) -> dg.AssetsDefinition:
    chosen = settings.submission
    neighbors = keys.neighbors_key(chosen.index)

    @asset(
        settings,
        keys.SUBMISSION,
        computed_by("submission/2", submission=chosen),
        group=keys.DELIVERY,
        kinds={"csv"},
        deps=[keys.RAW_IMAGES, keys.GALLERY, neighbors],
    )
    def submission(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """For every test photo its most relevant train photos, best first; checked before it is kept."""
        wanted, gallery = photos_to_answer(open_table(store, keys.RAW_IMAGES)), open_table(store, keys.GALLERY)
        lists, names = ranked_lists(open_table(store, neighbors), chosen.count), gallery["name"].to_list()
        fallback = fallback_list(names, gallery["centrality"].to_numpy(), chosen)
        rows = submission_rows(wanted, lists, fallback, names, chosen)
        check_submission(rows, wanted, names, chosen)
        separator = separator_for(names, chosen)
        if chosen.form == "list" and separator != SEPARATORS[0]:
            context.log.warning(f"names of train photos hold a blank: lists are joined by {separator!r}")
        without = [name for name in wanted if name not in lists]
        if without:
            context.log.warning(f"{len(without)} test photos could not be read and got the fallback: {without[:5]}")
        return keep(
            store,
            keys.SUBMISSION,
            writing({layout.SUBMISSION: submission_bytes(rows)}),
            facts={"rows": rows.height},
            metadata={"dagster/row_count": rows.height, "fallbacks": len(without), "separator": repr(separator)},
        )

    return submission


def _publication(settings: Settings) -> dg.AssetsDefinition:
    chosen = settings.publication
    hours = settings.automation.fresh_hours

    @asset(
        settings,
        keys.PUBLICATION,
        computed_by(
            "publication/5",
            bundle=bundle_facts(settings),
            publication=chosen.model_dump(exclude={"kept", "early"}),
            submission={"index": settings.submission.index},
            annoy={"search_nodes": settings.annoy.search_nodes},
        ),
        group=keys.DELIVERY,
        kinds={"csv", "html"},
        deps=[
            keys.SUBMISSION,
            keys.EVALUATION,
            keys.REPORT,
            keys.COMPARISON,
            keys.GALLERY,
            keys.METRIC_HEAD,
            keys.CROSS_VALIDATION,
            *(keys.index_key(library) for library in LIBRARIES),
            *keys.fine_tuned_deps(settings),
        ],
        overdue_after=dt.timedelta(hours=hours) if hours else None,
    )
    def publication(
        context: dg.AssetExecutionContext,
        store: Store,
        tracking: dg.ResourceParam[Tracking],
        require_fresh: dg.ResourceParam[Require],
    ) -> dg.MaterializeResult[Any]:
        """The folder `published/` (submission.csv, report.html, metrics.json, search bundle), replaced as a whole.

        It stays as it is where the new ranking is worse than the published one, by labels of train photos, and until
        all that it is made of is fresh: the job `sync` makes everything in its turn.
        """
        require_fresh(context.instance)
        recall = open_table(store, keys.COMPARISON).select("library", "recall_at_10")
        quality = Quality(open_validated(store), dict(recall.iter_rows()))
        criteria = gate_criteria(
            quality,
            published_quality(store.folder),
            least_recall=chosen.least_recall,
            served=settings.submission.index,
            foreign=_foreign_ids(store, settings),
        )
        shown = {"gate": in_ui(pl.DataFrame(criteria))}
        if chosen.gate == "on" and (refused := refusals(criteria)):
            context.instance.add_run_tags(context.run.run_id, {GATE_TAG: "refused"})
            mend = "look at the report among the artefacts; to publish all the same: publication.gate = 'off'"
            raise dg.Failure(f"not published: {refused}", shown, allow_retries=False) from GateError(
                "a ranking that may take the place of the published one", refused, mend
            )

        def build(folder: Path) -> None:
            bundle = folder / layout.BUNDLE
            bundle.mkdir()
            for place, copied in ((folder, COPIED), (bundle, COPIED_TO_BUNDLE)):
                for name, (key, file) in copied.items():
                    shutil.copyfile(store.artefacts.open(key).path(file), place / name)
            for name in open_head(store).recipe.fine_tuned:
                networks = store.artefacts.open(keys.fine_tuned_key(name)).path(NETWORKS_FILE)
                shutil.copyfile(networks, bundle / layout.networks_file(name))
            manifests = {library: store.artefacts.open(keys.index_key(library)).manifest for library in LIBRARIES}
            indices = {
                library: (
                    manifest.files[INDEX_FILE].digest,
                    str(manifest.facts["kind"]),
                    read_asked(manifest, settings, library),
                )
                for library, manifest in manifests.items()
            }
            vectors = {name: recorded_fingerprints(store, name) for name in settings.backbones}
            write_facts(bundle, settings, indices, vectors)
            write_quality(bundle, quality)

        registered: list[str | None] = []
        with tracked(context, tracking, keys.PUBLICATION) as run:
            # MLflow is asked first. Once the link has changed nothing fails any more.
            folder = store.publish(
                build,
                chosen.kept,
                announce=lambda built, version: registered.append(run.register(layout.head_of(built), version)),
            )
            run.crown(folder.name)
        context.log.info(f"published {store.folder / LINK / layout.SUBMISSION}")
        return dg.MaterializeResult(
            data_version=dg.DataVersion(folder.name),
            metadata={
                "path": dg.MetadataValue.path(folder),
                "submission": dg.MetadataValue.path(folder / layout.SUBMISSION),
                "registered": registered[-1] or "not in MLflow",
                **shown,
            },
        )

    return publication


def _foreign_ids(store: Store, settings: Settings) -> dict[str, int]:
    """Count in each part what the gallery does not know or the part lacks; ids of an index are the gallery's rows."""
    gallery = open_table(store, keys.GALLERY)
    counts = {}
    for library in LIBRARIES:
        index, vectors = open_index(store, settings, library)
        counts[keys.index_key(library)] = abs(index.size - gallery.height) + abs(len(vectors) - gallery.height)
    written = pl.read_csv(store.artefacts.open(keys.SUBMISSION).path(layout.SUBMISSION), infer_schema=False)
    names = gallery["name"].to_list()
    return counts | {keys.SUBMISSION: foreign_names(read_lists(written, names, settings.submission), names)}
